import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import { costNanos } from '#shared/pricing/cost.ts'
import { newId } from '#shared/values/id.ts'
import { holdOf } from '../admission/hold.ts'
import { anthropicCountTokens, anthropicMessages } from '../dialects/anthropic-messages.ts'
import type { Call, Dialect, Incoming } from '../dialects/dialect.ts'
import { openaiChat } from '../dialects/openai-chat.ts'
import { imageGenerations } from '../dialects/openai-images.ts'
import { openaiSpeech } from '../dialects/openai-speech.ts'
import { openaiTranscriptions } from '../dialects/openai-transcriptions.ts'
import { factsOf } from '../exchange.ts'
import { ownModel, ownOffers } from '../own-keys/own-offers.ts'
import { exchangeWith } from '../testing/exchange.ts'
import { incomingForm, incomingJson } from '../testing/incoming.ts'
import { modelOf, offerOf, price, routeOf } from '../testing/offer.ts'
import { compatibleOf, credentialOf } from '../testing/own-keys.ts'
import { ScriptedLedger } from '../testing/scripted-ledger.ts'
import { platformGlobals } from '../testing/streamed-answer.ts'
import type { Offer } from '../upstream/offers.ts'
import { RouteHealth } from '../upstream/route-health.ts'
import { AdmittedCall } from './admitted-call.ts'

beforeEach(() => {
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
})
afterEach(() => {
  vi.unstubAllGlobals()
})

/** What the account's provider charges us for the same answer: half of what we sell it for. */
const cost = { ...price, inputPicos: 500, outputPicos: 5_000 }
const ownKey = 'sk-of-the-customer'

/** The offers of one own account whose key was opened; the model is sold for tokens, and for more where `units` say so. */
function ownAt(units: CatalogueModel['price']['units'] = {}, credential = credentialOf()): Offer[] {
  const route = routeOf({ upstream: 'openai', byok: 'openai', baseUrl: 'https://own.test', cost })
  return openedOffers(modelOf({ price: { ...price, units }, routes: [route] }), credential)
}

/** The same of a model that the catalogue does not know. */
function unlistedAt(credential = compatibleOf()): Offer[] {
  const model = ownModel('theirs', { credentials: [credential], fallback: false })
  if (!model) throw new Error('the provider serves nothing of this name')
  return openedOffers(model, credential)
}

function openedOffers(model: CatalogueModel, credential = credentialOf()): Offer[] {
  return ownOffers(model, credential).map((offer) => ({ ...offer, own: { credential, apiKey: ownKey } }))
}

type Answers = (address: string) => Response

async function serve<C extends Call>(dialect: Dialect<C>, incoming: Incoming, offers: Offer[], answers: Answers) {
  const ledger = new ScriptedLedger()
  const asked: { address: string; headers: Headers }[] = []
  vi.stubGlobal('fetch', async (address: string, { headers }: RequestInit) => {
    asked.push({ address, headers: new Headers(headers) })
    return answers(address)
  })
  const later: Promise<unknown>[] = []
  const exchange = exchangeWith(ledger, {}, later)
  const [first] = offers
  const facts = { keyId: 'key_1', model: first?.model.id ?? '', priceVersionId: first?.price.priceVersionId ?? '', path: dialect.endpoint }
  const call = await dialect.read(incoming)
  const { reference } = holdOf(factsOf(exchange, facts), dialect, call, offers)
  // Settlements of one customer travel together, so each test has its own.
  const admission = { reference, organizationId: newId('org'), leaseMs: ledger.leaseMs, headers: {} }
  const admitted = new AdmittedCall({ exchange, dialect, call, offers, admission, health: new RouteHealth() })
  const response = await admitted.relay()
  const text = await response.text()
  await admitted.settled
  await Promise.all(later)
  return { reference, asked, headers: response.headers, text, settlement: ledger.settled[0]?.settlement, count: ledger.settled.length }
}

const messages = [{ role: 'user', content: 'hi' }]
const chat = (fields: object = {}) => incomingJson({ model: 'm', messages, ...fields })
const choices = [{ message: { content: 'hello' }, finish_reason: 'stop' }]
const usage = { prompt_tokens: 7, completion_tokens: 5 }
const used = { inputTokens: 7, outputTokens: 5 }
const json = (body: object) => () => Response.json(body)
const streamed =
  (...events: object[]) =>
  () => {
    const data = [...events.map((event) => JSON.stringify(event)), '[DONE]']
    return new Response(data.map((each) => `data: ${each}\n\n`).join(''), { headers: { 'content-type': 'text/event-stream' } })
  }
const delta = { choices: [{ delta: { content: 'hello' } }] }
const shown = { stream: true, stream_options: { include_usage: true } }
const sound = () =>
  incomingForm([
    ['model', 'm'],
    ['file', new File(['sound'], 'a.mp3')],
  ])

interface Served {
  dialect: Dialect
  incoming: Incoming | Promise<Incoming>
  offers?: Offer[]
  answers: Answers
  usage: object
  estimated?: boolean
  /** What we are charged for it, by the price of the route. */
  upstreamNanos?: number | null
}

/** As TypeScript sees them, dialects of other calls are no dialects: each case gives one what it reads. */
const anyDialect = <C extends Call>(dialect: Dialect<C>) => dialect as unknown as Dialect

const cases: Record<string, Served> = {
  'a whole answer': { dialect: anyDialect(openaiChat), incoming: chat(), answers: json({ choices, usage }), usage: used },
  'an answer of which nothing was reported': {
    dialect: anyDialect(openaiChat),
    incoming: chat(),
    answers: json({ choices }),
    usage: { inputTokens: 15, outputTokens: 2 },
    estimated: true,
  },
  'a stream': {
    dialect: anyDialect(openaiChat),
    incoming: chat({ stream: true }),
    answers: streamed(delta, { choices: [], usage }),
    usage: used,
  },
  'a stream of which nothing was reported': {
    dialect: anyDialect(openaiChat),
    incoming: chat({ stream: true }),
    answers: streamed(delta),
    usage: { inputTokens: 18, outputTokens: 2 },
    estimated: true,
  },
  'a count of tokens, which is free anywhere': {
    dialect: anyDialect(anthropicCountTokens),
    incoming: chat(),
    answers: json({ input_tokens: 9 }),
    usage: {},
    upstreamNanos: 0,
  },
  'searches that we do not sell': {
    dialect: anyDialect(anthropicMessages),
    incoming: chat({ max_tokens: 9, tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 2 }] }),
    answers: json({
      content: [{ type: 'text', text: 'hello' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 7, output_tokens: 5, server_tool_use: { web_search_requests: 2 } },
    }),
    usage: { ...used, webSearches: 2 },
  },
  'images of a model that is sold by tokens': {
    dialect: anyDialect(imageGenerations),
    incoming: incomingJson({ model: 'm', prompt: 'a cat', n: 2 }),
    answers: json({ data: [{ b64_json: 'aaaa' }, { b64_json: 'bbbb' }], usage: { input_tokens: 7, output_tokens: 5 } }),
    usage: { inputTokens: 7, outputTokens: 0, outputImageTokens: 5 },
  },
  'images of a model that is sold by the image': {
    dialect: anyDialect(imageGenerations),
    incoming: incomingJson({ model: 'm', prompt: 'a cat', n: 2 }),
    offers: ownAt({ imageNanos: 40_000_000 }),
    answers: json({ data: [{ b64_json: 'aaaa' }, { b64_json: 'bbbb' }] }),
    usage: { images: 2 },
    upstreamNanos: 0,
  },
  'speech that is sold by the character': {
    dialect: anyDialect(openaiSpeech),
    incoming: incomingJson({ model: 'm', input: 'hello', voice: 'alloy' }),
    offers: ownAt({ characterPicos: 15_000 }),
    answers: () => new Response('sound', { headers: { 'content-type': 'audio/mpeg' } }),
    usage: { characters: 5 },
    upstreamNanos: 0,
  },
  'sound that nobody here has a price for': {
    dialect: anyDialect(openaiTranscriptions),
    incoming: sound(),
    offers: unlistedAt(),
    answers: json({ text: 'hello', usage: { type: 'duration', seconds: 3 } }),
    usage: { audioMs: 3_000, outputTokens: 0 },
    upstreamNanos: null,
  },
}

test.each(Object.entries(cases))('%s holds and costs nothing, and is told as it was used', async (_, served) => {
  const { dialect, incoming, offers = ownAt(), answers, estimated = false } = served
  const { reference, headers, settlement, count } = await serve(dialect, await incoming, offers, answers)
  expect([reference.holdNanos, reference.request.priceVersionId]).toEqual([0, 'byok'])
  const credentialId = offers[0]?.own?.credential.credentialId
  expect(settlement).toMatchObject({ costNanos: 0, usage: served.usage, estimated, capped: false, end: 'completed', credentialId })
  expect(settlement?.usage).toEqual(served.usage)
  expect(settlement).not.toHaveProperty('served')
  const { upstreamNanos = costNanos(served.usage, cost) } = served
  expect(settlement?.attempts).toMatchObject([{ outcome: 'answered', credentialId, costNanos: upstreamNanos }])
  expect(headers.get('x-relay-credential')).toBe(credentialId)
  // A stream's headers leave before its end; everything else says what it cost.
  if (!headers.get('content-type')?.includes('event-stream')) expect(headers.get('x-relay-cost-usd')).toBe('0.00')
  expect(count).toBe(1)
})

test.each<[string, object, Answers]>([
  ['a whole answer', {}, json({ choices, usage })],
  ['a stream', shown, streamed(delta, { choices: [], usage })],
])('%s that is to show its cost shows none', async (_, fields, answers) => {
  const { text } = await serve(openaiChat, chat({ ...fields, relay: { usage: true } }), ownAt(), answers)
  expect(text).toContain('"cost_usd":"0.00"')
})

describe('beside what is paid for', () => {
  const paid = offerOf({ routeId: 'paid', upstream: 'reseller', baseUrl: 'https://paid.test', cost })
  const failing: Answers = (address) =>
    address.startsWith('https://own.test')
      ? Response.json({ error: { message: 'no' } }, { status: 401 })
      : Response.json({ choices, usage })

  test('an own account that refuses costs nothing, and what is served in its place is charged and recorded as that', async () => {
    const { reference, headers, settlement } = await serve(openaiChat, chat(), [...ownAt(), paid], failing)
    expect(reference.holdNanos).toBeGreaterThan(costNanos(used, price))
    expect(settlement).toMatchObject({
      costNanos: costNanos(used, price),
      served: { model: 'm', priceVersionId: price.priceVersionId },
      attempts: [
        { outcome: 'unauthorized', status: 401, credentialId: 'byk_1', costNanos: 0 },
        { outcome: 'answered', costNanos: costNanos(used, cost) },
      ],
    })
    expect(settlement).not.toHaveProperty('credentialId')
    expect(settlement?.attempts?.[1]).not.toHaveProperty('credentialId')
    expect(headers.get('x-relay-credential')).toBeNull()
  })

  test('no key goes where another belongs', async () => {
    const { asked } = await serve(openaiChat, chat(), [...ownAt(), paid], failing)
    expect(asked.map(({ address, headers }) => [new URL(address).hostname, headers.get('authorization')])).toEqual([
      ['own.test', `Bearer ${ownKey}`],
      ['paid.test', 'Bearer sk-scripted'],
    ])
  })

  test('an own account whose key was not opened is never asked with ours', async () => {
    const sealed = ownAt().map((offer) => ({ ...offer, own: offer.own && { ...offer.own, apiKey: null } }))
    const { asked } = await serve(openaiChat, chat(), [...sealed, paid], failing)
    expect(asked.map(({ address }) => new URL(address).hostname)).toEqual(['paid.test'])
  })
})
