import { Hono } from 'hono'
import { Problem } from '#workers/edge/problem.ts'
import { requestId } from '#workers/edge/request-id.ts'
import { securityHeaders } from '#workers/edge/security-headers.ts'
import { type Endpoint, mount } from './endpoint.ts'
import { endpoints } from './endpoints/index.ts'
import { type ApiContext, surroundingsOf } from './env.ts'
import { renderError } from './errors.ts'
import { referenceEndpoints } from './reference/endpoints.ts'

/** Every operation that this Worker carries out, with those that describe them. */
export const allEndpoints: readonly Endpoint[] = [...endpoints, ...referenceEndpoints(endpoints.map(({ operation }) => operation))]

/** A router that carries out these operations, and nothing else. */
export function apiAppOf(given: readonly Endpoint[]): Hono<ApiContext> {
  const app = new Hono<ApiContext>()
    .use(requestId(), securityHeaders(), async (c, next) => {
      c.set('surroundings', surroundingsOf(c.env))
      await next()
    })
    .onError(renderError)
    .notFound((c) => renderError(new Problem('not_found', 'The path and method name nothing of this API.'), c))
  mount(app, given)
  return app
}

/** What customers do outside of the endpoint itself. Every route is an operation of `shared/contracts/api`. */
export const apiApp = apiAppOf(allEndpoints)
