import { describe, expect, test } from 'vitest'
import type { CatalogueModel, CatalogueRoute } from '#db/queries/read-catalogue.ts'
import type { DialectName } from '#shared/contracts/dialect.ts'
import type { OwnCredential } from '#shared/contracts/provider-credential.ts'
import type { Call } from '../dialects/dialect.ts'
import { readChatCall } from '../dialects/openai-chat.ts'
import { modelOf, price, routeOf } from '../testing/offer.ts'
import { compatibleOf, credentialOf } from '../testing/own-keys.ts'
import { type Offer, offersOf } from '../upstream/offers.ts'
import { RouteHealth } from '../upstream/route-health.ts'
import { ownMeansOf, ownModel } from './own-offers.ts'

interface Asked {
  fallback?: boolean
  keyId?: string
  relay?: object
  health?: RouteHealth
  isBound?: boolean
  requires?: Call['requires']
  pinnedKey?: string | null
  dialect?: DialectName
}

/** What a customer with these credentials is offered for these models, best first. */
function offersWith(models: CatalogueModel[], credentials: OwnCredential[], asked: Asked = {}): Offer[] {
  const { fallback = false, keyId = 'key_1', relay = {}, health = new RouteHealth(), isBound = false, requires = [] } = asked
  const read = readChatCall({ bytes: new TextEncoder().encode(JSON.stringify({ model: 'm', messages: [{}], relay })) })
  const call = { ...read, requires, conversation: { ...read.conversation, isBound } }
  const own = ownMeansOf({ version: 1, fallback, credentials }, keyId)
  const { pinnedKey = null, dialect = 'openai-chat' } = asked
  return offersOf(models, { dialect, call, organizationId: 'org_1', pinnedKey, own }, health, () => 0.5)
}

function offered(routes: Partial<CatalogueRoute>[], credentials: OwnCredential[], asked: Asked = {}): string[] {
  return offersWith([modelOf({ aliases: ['nick'], routes: routes.map(routeOf) })], credentials, asked).map(({ key }) => key)
}

const openai = { routeId: 'direct', upstream: 'openai', byok: 'openai' }
const other = { routeId: 'other', upstream: 'azure', byok: 'azure', priority: -1 }
const ours = { routeId: 'ours', upstream: 'reseller', byok: null, priority: -2 }
const proxy = { routeId: 'proxy', upstream: 'cliproxy', byok: 'openai', kind: 'cliproxyapi' as const, priority: -3 }
const all = [openai, other, ours, proxy]

describe("a customer's key", () => {
  test.each<[string, OwnCredential, string[]]>([
    ['of OpenAI', credentialOf(), ['direct:byk_1']],
    ['of another', credentialOf({ provider: 'azure' }), ['other:byk_1']],
    ['of its own provider', compatibleOf({ models: ['m'] }), ['byk_1:byk_1']],
  ])('%s goes to that provider, to no other upstream and to no CLIProxyAPI of ours', (_, credential, keys) => {
    expect(offered(all, [credential])).toEqual(keys)
    const offers = offersWith([modelOf({ routes: all.map(routeOf) })], [credential], { fallback: true })
    for (const { own, route } of offers.filter((offer) => offer.own)) {
      expect([route.byok, route.kind === 'cliproxyapi']).toEqual([own?.credential.provider, false])
    }
    expect(offers.filter((offer) => !offer.own)).toHaveLength(all.length)
  })

  test('of OpenAI does not stand for a model that only a CLIProxyAPI of ours has, which is paid for', () => {
    expect(offered([proxy], [credentialOf()])).toEqual(['proxy'])
  })

  test('is asked for what its customer calls the model at its own address, whatever the catalogue has', () => {
    const [offer] = offersWith([modelOf({ routes: [routeOf({ upstreamModel: 'gpt-inside' })] })], [compatibleOf({ models: ['m'] })])
    expect(offer?.route).toMatchObject({
      baseUrl: 'https://llm.example.com/v1',
      upstream: 'llm.example.com',
      upstreamModel: 'm',
      credential: '',
      cost: null,
    })
    expect(offer?.route.dialects.every((dialect) => dialect.startsWith('openai-'))).toBe(true)
  })

  test('is sold for nothing, whatever the route or the model costs, and comes sealed', () => {
    const credential = credentialOf()
    const [offer] = offersWith([modelOf({ routes: [routeOf({ ...openai, price })] })], [credential])
    expect(offer).toMatchObject({ price: { priceVersionId: 'byok', inputPicos: 0, outputPicos: 0 }, own: { credential, apiKey: null } })
  })
})

describe('the balance is not touched without leave', () => {
  test.each<[string, OwnCredential[], Asked, string[] | string]>([
    ['by a customer without credentials, whom nobody asks for leave', [], {}, ['ours', 'direct']],
    ['with a credential that works', [credentialOf()], {}, ['direct:byk_1']],
    ['with one that works and leave', [credentialOf()], { fallback: true }, ['direct:byk_1', 'ours', 'direct']],
    ['with a paused one', [credentialOf({ isPaused: true })], {}, 'byok_paused'],
    ['with a paused one and leave', [credentialOf({ isPaused: true })], { fallback: true }, ['ours', 'direct']],
    [
      'with a paused one beside one that works',
      [credentialOf({ isPaused: true }), credentialOf({ credentialId: 'byk_2' })],
      {},
      ['direct:byk_2'],
    ],
    ['with a paused one for other API keys', [credentialOf({ isPaused: true, keyIds: ['key_2'] })], {}, ['ours', 'direct']],
    ['with one for other API keys', [credentialOf({ keyIds: ['key_2', 'key_3'] })], {}, ['ours', 'direct']],
    ['with one for this API key', [credentialOf({ keyIds: ['key_2', 'key_1'] })], {}, ['direct:byk_1']],
    ['with one for other models', [credentialOf({ models: ['n'] })], {}, ['ours', 'direct']],
    ['with one for this model', [credentialOf({ models: ['n', 'm'] })], {}, ['direct:byk_1']],
    ['with one for an alias of this model', [credentialOf({ models: ['nick'] })], {}, ['direct:byk_1']],
    ['with one of a provider that does not have this model', [credentialOf({ provider: 'azure' })], {}, ['ours', 'direct']],
    ['with one of a provider of their own, for other models', [compatibleOf()], {}, ['ours', 'direct']],
    ['when the client allows one route', [credentialOf()], { fallback: true, relay: { fallback: false } }, ['direct:byk_1']],
    ['when the client wants only another upstream', [credentialOf()], { relay: { providers: { only: ['reseller'] } } }, 'no_route'],
  ])('%s', (_, credentials, asked, expected) => {
    if (typeof expected === 'string') {
      expect(() => offered([openai, ours], credentials, asked)).toThrow(expect.objectContaining({ code: expected }))
    } else expect(offered([openai, ours], credentials, asked)).toEqual(expected)
  })

  test('for the model that a paused credential is meant for, though another model of the request is paid for', () => {
    const models = [modelOf({ id: 'm', routes: [routeOf(openai)] }), modelOf({ id: 'n', routes: [routeOf(ours)] })]
    expect(offersWith(models, [credentialOf({ isPaused: true })]).map(({ key }) => key)).toEqual(['ours'])
  })
})

describe('the order of own accounts', () => {
  const two = [credentialOf({ credentialId: 'byk_a', priority: 2 }), credentialOf({ credentialId: 'byk_b', priority: 1 })]
  const cheap = { ...ours, price: { ...price, inputPicos: 0, outputPicos: 0 } }

  test('is their priority, before that of their routes', () => {
    const routes = [
      { ...openai, priority: 1 },
      { ...openai, routeId: 'first', priority: 0 },
    ]
    expect(offered(routes, two)).toEqual(['first:byk_b', 'direct:byk_b', 'first:byk_a', 'direct:byk_a'])
  })

  test.each<[string, Asked]>([
    ['are cooling', {}],
    ['are slow', { relay: { sort: 'latency' } }],
    ['are no cheaper', { relay: { sort: 'price' } }],
    ['are not the first the client names', { relay: { providers: { order: ['reseller'] } } }],
  ])('is before all that is paid for, also when they %s', (_, asked) => {
    const health = new RouteHealth()
    for (const key of ['direct:byk_a:1', 'direct:byk_b:1']) health.ended(key, 'rate_limited', 60_000, Date.now())
    health.measured('ours', { firstTokenMs: 1, tokensPerSecond: 1_000 })
    const keys = offered([openai, cheap], two, { ...asked, fallback: true, health })
    expect(keys).toEqual(['direct:byk_b', 'direct:byk_a', ...keys.slice(2)])
    expect(keys.slice(2).toSorted()).toEqual(['direct', 'ours'])
  })

  test('puts last the account that is not ready, which says nothing of others at the same route', () => {
    const health = new RouteHealth()
    health.ended('direct:byk_b:1', 'rate_limited', 60_000, Date.now())
    expect(offered([openai], two, { fallback: true, health })).toEqual(['direct:byk_a', 'direct:byk_b', 'direct'])
    health.ended('direct', 'rate_limited', 60_000, Date.now())
    expect(offered([openai], two, { health })).toEqual(['direct:byk_a', 'direct:byk_b'])
  })
})

describe('a conversation that only its account accepts', () => {
  const routes = [openai, { ...openai, routeId: 'second', priority: 1 }, ours]
  const two = [credentialOf({ credentialId: 'byk_a' }), credentialOf({ credentialId: 'byk_b' })]

  test('stays with one own account and all of its routes, also when that is not ready, and is never paid for elsewhere', () => {
    const kept = offered(routes, two, { isBound: true, fallback: true })
    const [, account] = (kept[0] ?? '').split(':')
    expect(kept).toEqual([`direct:${account}`, `second:${account}`])
    const health = new RouteHealth()
    for (const key of kept) health.ended(key, 'rate_limited', 60_000, Date.now())
    expect(offered(routes, two, { isBound: true, fallback: true, health })).toEqual(kept)
    // However they are listed.
    expect(offered(routes, two.toReversed(), { isBound: true, fallback: true })).toEqual(kept)
  })

  test('stays with the account of the smallest priority', () => {
    for (const [index, credentialId] of ['byk_a', 'byk_b'].entries()) {
      const credentials = two.map((each, at) => ({ ...each, priority: at === index ? 1 : 2 }))
      expect(offered(routes, credentials, { isBound: true })).toEqual([`direct:${credentialId}`, `second:${credentialId}`])
    }
  })

  test.each<[string, OwnCredential[], Asked, string[] | null]>([
    ['by the own account that has it', two, {}, ['direct:byk_b']],
    ['by no other account of the customer', [credentialOf({ credentialId: 'byk_a' })], { fallback: true }, null],
    ['not by an API key that may not use the account', two.map((each) => ({ ...each, keyIds: ['key_1'] })), { keyId: 'key_2' }, null],
    ['not while the account is paused', two.map((each) => ({ ...each, isPaused: true })), { fallback: true }, null],
  ])('is continued from its stored answer %s', (_, credentials, asked, expected) => {
    const continued = () => offered(routes, credentials, { ...asked, pinnedKey: 'direct:byk_b' })
    if (expected) expect(continued()).toEqual(expected)
    else expect(continued).toThrow(expect.objectContaining({ code: 'no_route' }))
  })

  test('whose stored answer is with our account is not continued with the key of a customer', () => {
    expect(() => offered(routes, two, { pinnedKey: 'direct' })).toThrow(expect.objectContaining({ code: 'no_route' }))
    expect(offered(routes, two, { pinnedKey: 'direct', fallback: true })).toEqual(['direct'])
  })
})

describe('what is asked of an own account', () => {
  test('may be what we do not sell, and is not bought from us for it', () => {
    expect(offered([openai], [credentialOf()], { requires: ['webSearchNanos'], fallback: true })).toEqual(['direct:byk_1'])
    expect(() => offered([openai], [], { requires: ['webSearchNanos'] })).toThrow(expect.objectContaining({ code: 'not_sold' }))
  })

  test('in a dialect that nobody speaks is a 400 that names where the model is', () => {
    const message = "The model 'm' is not served at POST /v1/messages. It is at POST /v1/chat/completions."
    const ask = () => offered([openai], [credentialOf()], { dialect: 'anthropic-messages' })
    expect(ask).toThrow(expect.objectContaining({ code: 'wrong_endpoint', message }))
  })

  test('in a dialect that its provider does not serve the model in is not meant for it, and so is paid for', () => {
    const messages = { ...ours, dialects: ['anthropic-messages' as const] }
    expect(offered([openai, messages], [credentialOf()], { dialect: 'anthropic-messages' })).toEqual(['ours'])
    expect(offered([openai, messages], [credentialOf({ isPaused: true })], { dialect: 'anthropic-messages' })).toEqual(['ours'])
  })
})

test.each<[string, OwnCredential[], string | undefined]>([
  ['the provider is said to serve', [compatibleOf()], 'theirs'],
  ['its paused provider is said to serve', [compatibleOf({ isPaused: true })], 'theirs'],
  ['no provider is said to serve', [compatibleOf({ models: ['more'] })], undefined],
  ['only a provider of the catalogue is said to serve', [credentialOf({ models: ['theirs'] })], undefined],
  ['only a credential for other API keys serves', [compatibleOf({ keyIds: ['key_2'] })], undefined],
])('a model that the catalogue does not know is known when %s', (_, credentials, id) => {
  const means = ownMeansOf({ version: 1, fallback: true, credentials }, 'key_1')
  const model = ownModel('theirs', means)
  expect(model?.id).toBe(id)
  // Nothing of it is ever for sale.
  expect(model?.routes ?? []).toEqual([])
})
