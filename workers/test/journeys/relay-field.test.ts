import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { CreatedCustomerKey } from '#shared/contracts/customer-key.ts'
import type { RelayOptions } from '#shared/contracts/relay-options.ts'
import { formatUsd } from '#shared/values/money.ts'
import { readBooks, type UsageRecord } from './books.ts'
import { modelOf, wished, wishedProviders } from './catalogue.ts'
import { chatBody, messageBody, promptOf, streamBody } from './conversation.ts'
import { admin, type Customer, newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { expectSoundBooks } from './invariants.ts'
import { responseBody, toldCosts, wishing } from './told-costs.ts'
import { askUpstream } from './truth.ts'

const [eu, us] = wishedProviders
const tags = '[tokens=17][cached=3]'

const chatFor = (model: string, relay: RelayOptions) => wishing(chatBody('', { model, text: tags }), relay)

/** The one request of a customer, in books that are sound: a client that fetches by itself may be ahead of them. */
async function recorded(customer: Customer): Promise<UsageRecord> {
  await expectEventually(async () => (await readBooks(customer.organizationId)).records.length, 1, 20_000)
  const [record] = (await expectSoundBooks(customer)).records
  if (!record) throw new Error('nothing was recorded')
  return record
}

function servedBy({ headers }: Response | { headers: Headers }) {
  const told = (name: string) => headers.get(`x-relay-${name}`)
  return { model: told('model'), route: told('route'), upstream: told('upstream'), attempts: told('attempts') }
}

const answeredBy = (model: string, upstream: string, attempts = '1') => ({ model, route: `rte_${model}_${upstream}`, upstream, attempts })

async function failureOf(call: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const failure: unknown = await call.catch((error: unknown) => error)
  if (failure instanceof OpenAI.APIError) return failure
  throw new Error('The request was not refused')
}

async function expectNothingCharged(customer: Customer, records: number): Promise<void> {
  const books = await expectSoundBooks(customer)
  expect(books.records).toHaveLength(records)
  expect(books.account.balanceNanos).toBe(5_000_000_000)
}

describe.concurrent('models', () => {
  test('another model of the list answers when the first is broken, and is what is charged', async () => {
    const customer = await newCustomer()
    const asked = chatFor(wished.broken, { models: [wished.dear] })
    const { data, response } = await customer.openai().chat.completions.create(asked).withResponse()
    expect(servedBy(response)).toEqual(answeredBy(wished.dear, eu, '2'))
    const record = await recorded(customer)
    expect(record).toMatchObject({ model: wished.dear, priceVersionId: `prc_${wished.dear}`, outputTokens: 17 })
    const inputs = (data.usage?.prompt_tokens ?? 0) * 7_000_003
    expect(record.costNanos).toBe(Math.ceil((inputs + 17 * 4 * 7_000_003) / 1_000))
    expect(response.headers.get('x-relay-cost-usd')).toBe(formatUsd(record.costNanos))
    const attempts = (await readBooks(customer.organizationId)).logs[0]?.attempts
    expect(attempts).toMatchObject([
      { upstream: eu, outcome: 'overloaded', status: 503 },
      { upstream: eu, outcome: 'answered', status: 200 },
    ])
  })

  test('a stream moves to the other model as well', async () => {
    const customer = await newCustomer()
    const asked = wishing(streamBody('', { model: wished.broken, text: tags }), { models: [wished.dear] })
    const { data, response } = await customer.openai().chat.completions.create(asked).withResponse()
    let text = ''
    for await (const chunk of data) text += chunk.choices[0]?.delta.content ?? ''
    expect(text.split(' ')).toHaveLength(17)
    expect(servedBy(response)).toEqual(answeredBy(wished.dear, eu, '2'))
    expect(await recorded(customer)).toMatchObject({ model: wished.dear, priceVersionId: `prc_${wished.dear}` })
  })

  test('a model that is well is charged at its own price, whatever could have come after it', async () => {
    const customer = await newCustomer()
    const { response } = await customer
      .openai()
      .chat.completions.create(chatFor(wished.both, { models: [wished.dear] }))
      .withResponse()
    expect(servedBy(response)).toEqual(answeredBy(wished.both, eu))
    expect(await recorded(customer)).toMatchObject({ model: wished.both, priceVersionId: `prc_${wished.both}` })
  })

  test('a key that may not use them all is refused with 403, and nothing is asked or charged', async () => {
    const customer = await newCustomer()
    const key = await admin().call('POST', `/customers/${customer.organizationId}/keys`, CreatedCustomerKey, {
      allowedModels: [wished.broken],
    })
    const client = customer.openai({ apiKey: key.apiKey })
    const failure = await failureOf(client.chat.completions.create(chatFor(wished.broken, { models: [wished.dear] })))
    expect(failure).toBeInstanceOf(OpenAI.PermissionDeniedError)
    expect([failure.code, failure.headers?.get('x-relay-error')]).toEqual(['model_not_allowed', 'model_not_allowed'])
    await expectNothingCharged(customer, 0)
  })

  test('a model of the list that nobody sells is a 404, and one of another dialect is passed over', async () => {
    const customer = await newCustomer()
    const { completions } = customer.openai().chat
    const unknown = await failureOf(completions.create(chatFor(wished.both, { models: ['gpt-unheard-of'] })))
    expect(unknown).toMatchObject({ status: 404, code: 'model_not_found' })
    const { response } = await completions.create(chatFor(modelOf('fast', 'claude'), { models: [wished.both] })).withResponse()
    expect(servedBy(response)).toEqual(answeredBy(wished.both, eu))
    expect((await recorded(customer)).model).toBe(wished.both)
  })

  test("Anthropic's and Google's clients are served by another model of the list as well", async () => {
    const customer = await newCustomer()
    const { data, response } = await customer
      .anthropic()
      .messages.create(wishing(messageBody('error-503', { text: tags }), { models: [modelOf('fast', 'claude')] }))
      .withResponse()
    expect([data.type, response.headers.get('x-relay-model')]).toEqual(['message', modelOf('fast', 'claude')])
    const config = { httpOptions: { extraBody: { relay: { models: [modelOf('fast', 'gemini')] } } } }
    const asked = { model: modelOf('error-503', 'gemini'), contents: promptOf(tags), config }
    expect((await customer.google().models.generateContent(asked)).text?.split(' ')).toHaveLength(17)
    await expectEventually(async () => (await readBooks(customer.organizationId)).records.length, 2, 20_000)
    const { records } = await expectSoundBooks(customer)
    expect(records.map(({ model }) => model).toSorted()).toEqual([modelOf('fast', 'claude'), modelOf('fast', 'gemini')])
  })
}, 90_000)

describe.concurrent('routes', () => {
  const picks: [string, RelayOptions, (typeof wishedProviders)[number]][] = [
    ['no wish', {}, eu],
    ['providers.only', { providers: { only: [us] } }, us],
    ['providers.ignore', { providers: { ignore: [eu] } }, us],
    ['providers.order', { providers: { order: [us, eu] } }, us],
    ['providers.order of one', { providers: { order: [us] } }, us],
    ['regions', { regions: ['us', 'ap'] }, us],
    ['sort by price', { sort: 'price' }, us],
    ['an order before a sort', { sort: 'price', providers: { order: [eu] } }, eu],
  ]
  test.each(picks)('with %s, the one that is wished for answers and its price is charged', async (_, relay, upstream) => {
    const customer = await newCustomer()
    const { response } = await customer.openai().chat.completions.create(chatFor(wished.both, relay)).withResponse()
    expect(servedBy(response)).toEqual(answeredBy(wished.both, upstream))
    const priceVersionId = upstream === us ? `prc_rte_${wished.both}_${us}` : `prc_${wished.both}`
    expect(await recorded(customer)).toMatchObject({ upstream, priceVersionId })
  })

  const impossible: RelayOptions[] = [
    { regions: ['ap'] },
    { providers: { only: ['nobody'] } },
    { providers: { ignore: [eu, us] } },
    { regions: ['eu'], providers: { only: [us] } },
  ]
  test.each(impossible)('%j leaves none: 400 no_route, at no charge', async (relay) => {
    const customer = await newCustomer()
    const failure = await failureOf(customer.openai().chat.completions.create(chatFor(wished.both, relay)))
    expect(failure).toMatchObject({ status: 400, code: 'no_route' })
    expect(failure.headers?.get('x-should-retry')).toBe('false')
    await expectNothingCharged(customer, 0)
  })

  test('a broken one is passed over, and without fallback it is the answer, which names it', async () => {
    const customer = await newCustomer()
    const { completions } = customer.openai().chat
    const failure = await failureOf(completions.create(chatFor(wished.halfAlone, { fallback: false })))
    expect(failure).toMatchObject({ status: 503, code: 'upstream_unavailable' })
    expect(servedBy({ headers: failure.headers ?? new Headers() })).toEqual(answeredBy(wished.halfAlone, eu))
    expect([failure.headers?.get('x-relay-error'), failure.requestID]).toEqual(['upstream_unavailable', customer.requestIds[0]])
    await expectNothingCharged(customer, 1)
    const { response } = await completions.create(chatFor(wished.half, {})).withResponse()
    expect(servedBy(response)).toEqual(answeredBy(wished.half, us, '2'))
    expect((await expectSoundBooks(customer)).records.filter(({ costNanos }) => costNanos > 0)).toHaveLength(1)
  })

  test('without fallback no other model is asked either', async () => {
    const customer = await newCustomer()
    const asked = chatFor(wished.broken, { models: [wished.dear], fallback: false })
    expect(await failureOf(customer.openai().chat.completions.create(asked))).toMatchObject({ status: 503 })
    await expectNothingCharged(customer, 1)
  })

  test('a conversation keeps to one by its session, and conversations share them', async () => {
    const customer = await newCustomer()
    const { completions } = customer.openai().chat
    const routeOf = async (session: string) => {
      const { response } = await completions.create(chatFor(wished.even, { session })).withResponse()
      return servedBy(response).route
    }
    const sessions = Array.from({ length: 16 }, (_, index) => `chat-${index}`)
    const first = await Promise.all(sessions.map(routeOf))
    expect(new Set(first).size).toBe(2)
    expect(await Promise.all(sessions.map(routeOf))).toEqual(first)
    expect((await expectSoundBooks(customer)).records).toHaveLength(32)
  })
}, 90_000)

describe.concurrent('a wish that cannot be read', () => {
  test.each([
    ['relay.model', { model: wished.dear }],
    ['relay.providers.prefer', { providers: { prefer: [us] } }],
    ['relay.sort', { sort: 'cheapest' }],
    ['relay.usage', { usage: 'yes' }],
    ['relay.models', { models: [] }],
    ['relay', 'cheap'],
  ])('is a 400 that names %s, to every client', async (name, relay) => {
    const customer = await newCustomer()
    const openai = await failureOf(customer.openai().chat.completions.create(wishing(chatBody('fast'), relay)))
    expect(openai).toMatchObject({ status: 400, code: 'invalid_request' })
    expect(`${openai.param} ${openai.message}`).toContain(name)
    const anthropic: unknown = await customer
      .anthropic()
      .messages.create(wishing(messageBody('fast'), relay))
      .catch(String)
    expect(anthropic).toContain(name)
    const config = { httpOptions: { extraBody: { relay } } }
    const google: unknown = await customer
      .google()
      .models.generateContent({ model: 'gemini-relay-fast', contents: 'hi', config })
      .catch(String)
    expect(google).toContain(name)
    await expectNothingCharged(customer, 0)
  })
}, 90_000)

describe.concurrent('usage: true', () => {
  test.each(Object.entries(toldCosts))('in %s tells the cost to the nano, as it is recorded', async (_, read) => {
    const customer = await newCustomer()
    const told = await read(customer)
    const record = await recorded(customer)
    expect(record.costNanos).toBeGreaterThan(0)
    expect(told).toBe(formatUsd(record.costNanos))
  })

  test('in a stream of a client that asked for no usage chunk shows it none', async () => {
    const customer = await newCustomer()
    const body = wishing(streamBody('fast', { text: tags }), { usage: true })
    for await (const chunk of await customer.openai().chat.completions.create(body)) {
      expect([chunk.choices.length, chunk.usage ?? null]).toEqual([1, null])
    }
    expect((await recorded(customer)).outputTokens).toBe(17)
  })
}, 90_000)

test.each([
  ['/openai/v1/chat/completions', chatBody('', { model: 'scripted-fast' })],
  ['/openai/v1/responses', responseBody('scripted-fast')],
  ['/anthropic/v1/messages', messageBody('', { model: 'scripted-fast' })],
  ['/gemini/v1beta/models/scripted-fast:generateContent', { contents: [{ parts: [{ text: promptOf() }] }] }],
])('a provider at %s refuses the field, so that whoever was answered has not had it passed on', async (path, body) => {
  expect((await askUpstream(wishing(body, { usage: true }), path)).status).toBe(400)
  expect((await askUpstream(body, path)).status).toBe(200)
})
