import type { Counter } from './count.ts'

const encoder = new TextEncoder()
const usage = { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 }
const frame = { id: 'chatcmpl-1', created: 1, model: 'scripted-fast' }

/**
 * Answers every fetch of the Workers: Postgres is the real one, counted on its way; the upstream is scripted, and so is Redis, which has room for
 * everybody.
 */
export class FarSide {
  /** How long the upstream takes before it answers whole. */
  upstreamWaitMs = 0
  /** A stream sends its first event at once, and the others when this resolves. */
  streamGoesOn: Promise<void> = Promise.resolve()
  readonly #counter: Counter
  readonly #neonHost: string
  readonly #fetch = globalThis.fetch.bind(globalThis)

  constructor(counter: Counter, neonEndpoint: string) {
    this.#counter = counter
    this.#neonHost = new URL(neonEndpoint).host
  }

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const { host } = new URL(input instanceof Request ? input.url : input)
    const body: unknown = JSON.parse(String(init?.body))
    if (host === this.#neonHost) return this.#askPostgres(input, init, body)
    if (host === 'redis.test') return this.#askRedis(body)
    if (host === 'upstream.test') return this.#askUpstream(body)
    throw new Error(`nobody expects a call of ${host}`)
  }

  #askPostgres(input: RequestInfo | URL, init: RequestInit | undefined, body: unknown): Promise<Response> {
    const { queries } = body as { queries?: unknown[] }
    this.#counter.add('postgresRoundTrips')
    this.#counter.add('postgresStatements', queries?.length ?? 1)
    return this.#fetch(input, init)
  }

  #askRedis(body: unknown): Response {
    const isPipeline = Array.isArray(body) && Array.isArray(body[0])
    this.#counter.add('redisCommands', isPipeline ? body.length : 1)
    const reply = { result: [59, 60] }
    return Response.json(isPipeline ? body.map(() => reply) : reply)
  }

  async #askUpstream(body: unknown): Promise<Response> {
    const { stream } = body as { stream?: boolean }
    if (stream) return new Response(this.#stream(), { headers: { 'content-type': 'text/event-stream' } })
    await scheduler.wait(this.upstreamWaitMs)
    const choices = [{ index: 0, message: { role: 'assistant', content: 'Hello there.' }, finish_reason: 'stop' }]
    return Response.json({ ...frame, object: 'chat.completion', choices, usage })
  }

  #stream(): ReadableStream {
    return new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        const send = (chunk: object) => controller.enqueue(encoder.encode(`data: ${JSON.stringify({ ...frame, ...chunk })}\n\n`))
        send({ choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: null }] })
        void this.streamGoesOn.then(() => {
          send({ choices: [{ index: 0, delta: { content: ' there.' }, finish_reason: 'stop' }] })
          send({ choices: [], usage })
          controller.enqueue(encoder.encode('data: [DONE]\n\n'))
          controller.close()
        })
      },
    })
  }
}
