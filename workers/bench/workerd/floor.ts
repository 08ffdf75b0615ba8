/** The platform's floor: the least that a Worker can do to relay a request. Everything the relay does is measured against it. */
export default {
  fetch: (request: Request, env: { UPSTREAM: string }): Promise<Response> => fetch(env.UPSTREAM + new URL(request.url).pathname, request),
}
