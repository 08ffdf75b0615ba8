import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { costNanos } from '#shared/pricing/cost.ts'
import type { Usage } from '#shared/pricing/usage.ts'
import { newId } from '#shared/values/id.ts'
import { formatUsd } from '#shared/values/money.ts'
import { anthropicMessages } from '../dialects/anthropic-messages.ts'
import type { Call, Dialect } from '../dialects/dialect.ts'
import { openaiChat } from '../dialects/openai-chat.ts'
import { openaiResponses } from '../dialects/openai-responses.ts'
import { factsOf } from '../exchange.ts'
import { readOnMs, upstreamSilenceMs } from '../limits.ts'
import { exchangeWith } from '../testing/exchange.ts'
import { incomingJson } from '../testing/incoming.ts'
import { offerOf, price } from '../testing/offer.ts'
import { ScriptedLedger } from '../testing/scripted-ledger.ts'
import { platformGlobals } from '../testing/streamed-answer.ts'
import { RouteHealth } from '../upstream/route-health.ts'
import { AdmittedCall } from './admitted-call.ts'

beforeEach(() => {
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
  vi.spyOn(console, 'error').mockReturnValue(undefined)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

type Answer = (signal: AbortSignal) => Response | Promise<Response>

const holdNanos = 1_000_000

/** What each of two routes sells the same model for, and what it costs us. */
const dear = { ...price, priceVersionId: 'prc_2', inputPicos: 3_000, outputPicos: 70_000 }
const cost = { ...price, inputPicos: 500, outputPicos: 5_000 }
const offers = [
  offerOf({ routeId: 'a', upstream: 'up-a', baseUrl: 'https://a.test' }),
  offerOf({ routeId: 'b', upstream: 'up-b', baseUrl: 'https://b.test', price: dear, cost }),
]

/** Sends a call to two routes, of which each answers as it is told to. `settled` waits for all that goes on after the answer. */
async function serve<C extends Call>(
  dialect: Dialect<C>,
  body: object,
  answers: Record<'a' | 'b', Answer>,
  signal = new AbortController().signal,
) {
  const ledger = new ScriptedLedger()
  const asked: string[] = []
  vi.stubGlobal('fetch', async (address: string, init: { signal: AbortSignal }) => {
    const route = new URL(address).hostname === 'a.test' ? 'a' : 'b'
    asked.push(route)
    return answers[route](init.signal)
  })
  const later: Promise<unknown>[] = []
  const request = new Request('https://relay.test/', { method: 'POST', signal })
  const exchange = exchangeWith(ledger, { request }, later)
  const facts = factsOf(exchange, { keyId: 'key_1', model: 'm', priceVersionId: price.priceVersionId, path: dialect.endpoint })
  const admission = {
    reference: { request: facts, holdNanos, reservedTokens: 100 },
    // Settlements of one customer travel together, so each test has its own.
    organizationId: newId('org'),
    leaseMs: ledger.leaseMs,
    headers: {},
  }
  const call = await dialect.read(incomingJson({ model: 'm', ...body }))
  const admitted = new AdmittedCall({ exchange, dialect, call, offers, admission, health: new RouteHealth() })
  const response = admitted.relay()
  const settled = async () => {
    await response.then((answer) => answer.text()).catch(() => undefined)
    await admitted.settled
    await Promise.all(later)
    return ledger.settled.map(({ settlement }) => settlement)
  }
  return { asked, response, settled }
}

const messages = [{ role: 'user', content: 'hi' }]
const used = { inputTokens: 7, outputTokens: 5 } satisfies Usage
const usage = { prompt_tokens: 7, completion_tokens: 5 }
const whole = () => Response.json({ choices: [{ message: { content: 'hello' }, finish_reason: 'stop' }], usage })

function events(...values: (object | string)[]): Uint8Array {
  const data = values.map((value) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`)
  return new TextEncoder().encode(data.join(''))
}

/** A stream of these bytes that then ends, breaks, or is silent until its connection is cut. */
function stream(bytes: Uint8Array, then: 'ends' | 'breaks' | 'stalls' = 'ends'): Answer {
  return (signal) => {
    const body = new ReadableStream({
      type: 'bytes',
      start(controller: ReadableByteStreamController) {
        if (bytes.length > 0) controller.enqueue(bytes.slice())
        if (then === 'ends') controller.close()
        signal.addEventListener('abort', () => controller.error(signal.reason))
      },
      pull: (controller) => (then === 'breaks' ? controller.error(new Error('cut')) : new Promise(() => undefined)),
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
}

const content = { choices: [{ delta: { content: 'hello' } }], usage: null }
const streamed = stream(events(content, { choices: [], usage }, '[DONE]'))
const status = (number: number): Answer => {
  return () => new Response('{"error":{"message":"no"}}', { status: number, headers: { 'retry-after': '99999999' } })
}
const json = (text: string): Answer => {
  return () => new Response(text, { headers: { 'content-type': 'application/json' } })
}
const lost: Answer = () => Promise.reject(new TypeError('the socket was closed'))

/** How the first of two routes fails, and what a stream and a whole answer make of it: the second route is asked, or not. */
const failures: [string, Answer, { stream: boolean; whole: boolean }][] = [
  ...[401, 403, 404, 429, 500, 502, 503, 529].map((each): (typeof failures)[number] => [
    `is refused with ${each}`,
    status(each),
    { stream: true, whole: true },
  ]),
  ...[521, 522, 523, 525, 526, 530].map((each): (typeof failures)[number] => [
    `finds no connection or no TLS (${each})`,
    status(each),
    { stream: true, whole: true },
  ]),
  ['says 200 and an error', json('{"error":{"message":"no"}}'), { stream: false, whole: true }],
  ['begins with an error', stream(events({ error: { message: 'no' } })), { stream: true, whole: false }],
  ['breaks before the headers', lost, { stream: false, whole: false }],
  ['is waited for in vain by a gateway (504)', status(504), { stream: false, whole: false }],
  ['says that the request is wrong (400)', status(400), { stream: false, whole: false }],
  ['breaks before the first event', stream(new Uint8Array(), 'breaks'), { stream: false, whole: false }],
  ['ends before the first event', stream(new Uint8Array()), { stream: false, whole: false }],
  ['sends a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } }), { stream: false, whole: false }],
]

describe.each(['stream', 'whole'] as const)('before the first byte of a %s, a route that', (form) => {
  test.each(failures)('%s', async (_, failing, movesOn) => {
    const good = form === 'stream' ? streamed : whole
    const { asked, response, settled } = await serve(openaiChat, { messages, stream: form === 'stream' }, { a: failing, b: good })
    if (movesOn[form]) {
      const { headers } = await response
      expect([headers.get('x-relay-attempts'), headers.get('x-relay-upstream')]).toEqual(['2', 'up-b'])
      expect(await settled()).toMatchObject([{ costNanos: costNanos(used, dear), routeId: 'b', end: 'completed' }])
      expect(asked).toEqual(['a', 'b'])
    } else {
      await expect(response).rejects.toMatchObject({ name: 'ApiError' })
      expect(await settled()).toMatchObject([{ costNanos: 0, routeId: 'a', end: 'upstream_error' }])
      expect(asked).toEqual(['a'])
    }
  })

  test('that asks for a wait of years, as all do, makes the client wait a minute', async () => {
    const { response } = await serve(openaiChat, { messages, stream: form === 'stream' }, { a: status(429), b: status(503) })
    await expect(response).rejects.toMatchObject({ code: 'upstream_unavailable', details: { retryAfterMs: 60_000 } })
  })
})

const failedResponse = { type: 'response.failed', response: { id: 'resp_1', status: 'failed', error: { message: 'no' } } }
const createdResponse = ['created', 'in_progress'].map((type) => ({ type: `response.${type}`, response: { id: 'resp_1' } }))

test.each([
  ['a response was created', openaiResponses, { input: 'hi' }, events(...createdResponse, failedResponse)],
  ['a ping', anthropicMessages, { messages, max_tokens: 9 }, events({ type: 'ping' }, { type: 'error', error: { message: 'no' } })],
] as [string, Dialect, object, Uint8Array][])(
  '%s and an error after it are no beginning, so another route is asked',
  async (_, dialect, fields, bytes) => {
    const { asked, response } = await serve(dialect, { ...fields, stream: true }, { a: stream(bytes), b: status(500) })
    await expect(response).rejects.toMatchObject({ code: 'upstream_error' })
    expect(asked).toEqual(['a', 'b'])
  },
)

describe('what the second route served', () => {
  const served = { model: 'm', priceVersionId: 'prc_2' }
  const toldUsd = formatUsd(costNanos(used, dear))

  test('whole is charged, told and recorded at its own price, and its cost to us is that of its attempt', async () => {
    const fields = { messages, relay: { usage: true } }
    const { response, settled } = await serve(openaiChat, fields, { a: status(503), b: whole })
    const answer = await response
    expect(answer.headers.get('x-relay-cost-usd')).toBe(toldUsd)
    expect(await answer.clone().json()).toMatchObject({ usage: { cost_usd: toldUsd } })
    const attempts = [
      { routeId: 'a', outcome: 'overloaded', costNanos: 0 },
      { routeId: 'b', outcome: 'answered', costNanos: costNanos(used, cost) },
    ]
    expect(await settled()).toMatchObject([{ costNanos: costNanos(used, dear), served, attempts }])
  })

  test('as a stream is charged, told and recorded at its own price', async () => {
    const fields = { messages, stream: true, stream_options: { include_usage: true }, relay: { usage: true } }
    const { response, settled } = await serve(openaiChat, fields, { a: status(503), b: streamed })
    expect(await (await response).clone().text()).toContain(`"cost_usd":"${toldUsd}"`)
    expect(await settled()).toMatchObject([{ costNanos: costNanos(used, dear), served }])
  })
})

test.each([false, true])('a report above the hold is told as what is charged, which is the hold; streamed: %s', async (isStream) => {
  const absurd = { prompt_tokens: 7, completion_tokens: 900_000 }
  const answer = isStream
    ? stream(events(content, { choices: [], usage: absurd }, '[DONE]'))
    : () => Response.json({ choices: [], usage: absurd })
  const fields = { messages, stream: isStream, ...(isStream && { stream_options: { include_usage: true } }), relay: { usage: true } }
  const { response } = await serve(openaiChat, fields, { a: answer, b: status(500) })
  expect(await (await response).text()).toContain(`"cost_usd":"${formatUsd(holdNanos)}"`)
})

describe('a client that is gone', () => {
  test('before anything was sent costs nothing, and no upstream is asked', async () => {
    const { asked, response, settled } = await serve(openaiChat, { messages }, { a: whole, b: whole }, AbortSignal.abort())
    await expect(response).rejects.toThrow()
    expect(await settled()).toMatchObject([{ costNanos: 0, end: 'client_left', status: null, routeId: null }])
    expect(asked).toEqual([])
  })

  test('when the first route has failed is not sent to the second', async () => {
    const controller = new AbortController()
    const failing = () => {
      controller.abort()
      return new Response('', { status: 503 })
    }
    const { asked, response, settled } = await serve(openaiChat, { messages }, { a: failing, b: whole }, controller.signal)
    await expect(response).rejects.toThrow()
    expect(await settled()).toMatchObject([{ costNanos: 0, routeId: 'a' }])
    expect(asked).toEqual(['a'])
  })

  test('when an upstream has it and has not answered yet pays for the answer', async () => {
    const controller = new AbortController()
    const slow = async () => {
      controller.abort()
      await new Promise((resolve) => setTimeout(resolve, 20))
      return whole()
    }
    const { settled } = await serve(openaiChat, { messages }, { a: slow, b: whole }, controller.signal)
    expect(await settled()).toMatchObject([{ costNanos: costNanos(used, price), routeId: 'a' }])
  })
})

test.each([false, true])(
  'a stream whose client has left is read on for so long, then cut and charged by what passed; usage shown: %s',
  async (shown) => {
    vi.useFakeTimers()
    const controller = new AbortController()
    const fields = { messages, stream: true, stream_options: { include_usage: shown } }
    const { response, settled } = await serve(openaiChat, fields, { a: stream(events(content), 'stalls'), b: whole }, controller.signal)
    await response
    controller.abort()
    let settlements: unknown
    const settling = settled().then((all) => {
      settlements = all
    })
    await vi.advanceTimersByTimeAsync(readOnMs - 1_000)
    expect(settlements).toBeUndefined()
    await vi.advanceTimersByTimeAsync(5_000)
    await settling
    expect(settlements).toMatchObject([{ estimated: true, usage: { outputTokens: 2 } }])
  },
)

test('a stream that falls silent is cut, told as broken and charged by what was delivered', async () => {
  vi.useFakeTimers()
  const { response, settled } = await serve(openaiChat, { messages, stream: true }, { a: stream(events(content), 'stalls'), b: whole })
  const text = (await response).clone().text()
  const settlements = settled()
  await vi.advanceTimersByTimeAsync(2 * upstreamSilenceMs)
  expect(await text).toContain('"finish_reason":"error"')
  expect(await text).not.toContain('[DONE]')
  expect(await settlements).toMatchObject([{ end: 'broken', estimated: true, usage: { outputTokens: 2 } }])
})
