import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { addProviderCredential } from '#db/queries/add-provider-credential.ts'
import { setByokFallback } from '#db/queries/set-byok-fallback.ts'
import { seed } from '#db/seed.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import type { RefusalReason } from '#shared/contracts/ledger.ts'
import { newId } from '#shared/values/id.ts'
import { sealKey } from '#workers/services/credentials/seal-key.ts'
import { createOrganization } from '#workers/services/organizations/create.ts'
import { keyRingOf } from '#workers/services/secrets/settings.ts'
import { nodePlatform } from '#workers/services/testing/node-platform.ts'
import { errorOfRefusal } from './admission/admit.ts'
import { openaiChat } from './dialects/openai-chat.ts'
import type { Surroundings } from './env.ts'
import { relay as relayCall } from './relay.ts'
import { exchangeWith } from './testing/exchange.ts'
import { ScriptedLedger, standing } from './testing/scripted-ledger.ts'
import { platformGlobals } from './testing/streamed-answer.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
  await seed(database.databaseUrl, { upstreamUrl: 'https://upstream.test' })
})
afterAll(() => database.stop())
beforeEach(() => {
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
  vi.spyOn(console, 'error').mockReturnValue(undefined)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const ring = keyRingOf({ KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify({ a: btoa('m'.repeat(32)) }) })
const ownKey = 'sk-of-the-customer'
const ownOrigin = 'https://llm.example.com'

interface Asked {
  ledger?: ScriptedLedger
  fields?: object
  surroundings?: Partial<Surroundings>
  /** How a provider answers a key. */
  answer?: (key: string | null) => Response
}

const whole = () => Response.json({ choices: [{ message: { content: 'hi' } }], usage: { prompt_tokens: 7, completion_tokens: 5 } })

/** A customer of its own, that brings keys along and sends requests. */
async function newCustomer() {
  const { apiKey, organizationId } = await createOrganization(nodePlatform(database.db), {})
  return {
    async bring({
      provider = 'openai',
      baseUrl = null,
      models = null,
    }: {
      provider?: string
      baseUrl?: string | null
      models?: string[] | null
    } = {}) {
      const credentialId = newId('byk')
      const key = await sealKey(ring, { organizationId, credentialId }, ownKey)
      const choice = { credentialId, organizationId, provider, name: 'Test', baseUrl, models, keyIds: null, priority: 0, ...key }
      expect(await addProviderCredential(database.db, choice)).toMatchObject({ outcome: 'added' })
      return credentialId
    },
    allowFallback: () => setByokFallback(database.db, organizationId, true),
    async send({ ledger = new ScriptedLedger(), fields = {}, surroundings = {}, answer = whole }: Asked = {}) {
      const calls: (readonly [address: string, key: string | null])[] = []
      vi.stubGlobal('fetch', async (address: string, { headers }: RequestInit) => {
        const key = new Headers(headers).get('authorization')
        calls.push([address, key])
        return answer(key)
      })
      const body = JSON.stringify({ model: 'gpt-relay-fast', messages: [{ role: 'user', content: 'hi' }], max_tokens: 9, ...fields })
      const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
      const request = new Request('https://relay.test/v1/chat/completions', { method: 'POST', headers, body })
      const later: Promise<unknown>[] = []
      const exchange = exchangeWith(ledger, { db: database.db, request }, later)
      const targets = { ...exchange.surroundings.targets, rules: { ownHosts: [], allowed: new Set([ownOrigin]) } }
      const own = { ...exchange, surroundings: { ...exchange.surroundings, keyRing: () => ring, targets, ...surroundings } }
      const outcome = await relayCall(own, openaiChat).then(
        (response) => ({ response, code: null }),
        (error: unknown) => ({ response: null, code: Reflect.get(Object(error), 'code') }),
      )
      await outcome.response?.text()
      await Promise.all(later)
      return {
        ...outcome,
        calls,
        ledger,
        admitted: ledger.admitted.map(({ isByok, credentialsVersion, holdNanos }) => [isByok, credentialsVersion, holdNanos]),
      }
    },
  }
}

/** A ledger that gives these outcomes first, and admits after them. */
function answering(...outcomes: ('credentials_changed' | RefusalReason)[]): ScriptedLedger {
  const ledger = new ScriptedLedger()
  const { answer } = ledger
  ledger.answer = () => {
    const outcome = outcomes.shift()
    if (outcome === undefined) return answer()
    if (outcome === 'credentials_changed') return { outcome }
    return { outcome: 'refused', reason: outcome, retryAfterMs: null, standing, room: null }
  }
  return ledger
}

const atOwn = ['https://upstream.test/openai/v1/chat/completions', `Bearer ${ownKey}`]
const atOurs = [atOwn[0], 'Bearer sk-scripted']

test('a model is served by an own account, which holds nothing and is settled with nothing', async () => {
  const customer = await newCustomer()
  const credentialId = await customer.bring()
  const { response, calls, admitted, ledger } = await customer.send()
  expect([calls, admitted]).toEqual([[atOwn], [[true, 1, 0]]])
  expect(response?.headers.get('x-relay-credential')).toBe(credentialId)
  expect(ledger.settled).toMatchObject([
    { holdNanos: 0, settlement: { costNanos: 0, credentialId, usage: { inputTokens: 7, outputTokens: 5 } } },
  ])
})

test('a model that only the customer knows is served at its own address, and by nobody else', async () => {
  const customer = await newCustomer()
  await customer.bring({ provider: 'openai-compatible', baseUrl: `${ownOrigin}/v1`, models: ['theirs'] })
  const { calls, admitted } = await customer.send({ fields: { model: 'theirs' } })
  expect([calls, admitted]).toEqual([[[`${ownOrigin}/v1/chat/completions`, `Bearer ${ownKey}`]], [[true, 1, 0]]])
  expect(await (await newCustomer()).send({ fields: { model: 'theirs' } })).toMatchObject({
    code: 'model_not_found',
    calls: [],
    admitted: [],
  })
})

describe('credentials that have changed', () => {
  test('are read and the request routed anew, so that the balance is not touched for one that was just added', async () => {
    const customer = await newCustomer()
    await customer.send()
    await customer.bring()
    const { response, calls, admitted } = await customer.send({ ledger: answering('credentials_changed') })
    expect(response?.status).toBe(200)
    expect(admitted).toEqual([
      [undefined, undefined, expect.any(Number)],
      [true, 1, 0],
    ])
    expect(calls).toEqual([atOwn])
    // What was read is known from now on.
    expect((await customer.send()).admitted).toEqual([[true, 1, 0]])
  })

  test('once more meanwhile are a 503, and nobody was asked', async () => {
    const customer = await newCustomer()
    await customer.bring()
    const { code, calls, admitted } = await customer.send({ ledger: answering('credentials_changed', 'credentials_changed') })
    expect([code, calls, admitted.length]).toEqual(['unavailable', [], 2])
  })
})

describe('with a balance as the fallback', () => {
  test('everything that may serve is held for', async () => {
    const customer = await newCustomer()
    await customer.bring()
    await customer.allowFallback()
    const { calls, admitted } = await customer.send()
    expect(calls).toEqual([atOwn])
    expect(admitted).toEqual([[undefined, 2, expect.any(Number)]])
    expect(admitted[0]?.[2]).toBeGreaterThan(0)
  })

  const money = ['insufficient_balance', 'in_flight_budget', 'spend_per_day', 'spend_per_month'] as const
  test.each(money)('an own account does not wait for money: %s', async (reason) => {
    const customer = await newCustomer()
    await customer.bring()
    await customer.allowFallback()
    const { response, calls, admitted } = await customer.send({ ledger: answering(reason) })
    expect([response?.status, calls]).toEqual([200, [atOwn]])
    expect(admitted).toEqual([
      [undefined, 2, expect.any(Number)],
      [true, 2, 0],
    ])
  })

  test('what an own account fails to serve is served by ours only where that was held for', async () => {
    const customer = await newCustomer()
    await customer.bring()
    await customer.allowFallback()
    const answer = (key: string | null) => (key === atOwn[1] ? new Response('', { status: 503 }) : whole())
    expect(await customer.send({ answer })).toMatchObject({ code: null, calls: [atOwn, atOurs] })
    const short = await customer.send({ answer, ledger: answering('insufficient_balance') })
    expect(short).toMatchObject({ code: 'upstream_unavailable', calls: [atOwn] })
    expect(short.ledger.settled).toMatchObject([{ holdNanos: 0, settlement: { costNanos: 0, end: 'upstream_error' } }])
  })

  const others = (Object.keys(errorOfRefusal) as RefusalReason[]).filter((reason) => !money.some((each) => each === reason))
  test('every other refusal stands', async () => {
    const customer = await newCustomer()
    await customer.bring()
    await customer.allowFallback()
    for (const reason of others.filter((each) => each !== 'key_unknown')) {
      const { code, calls, admitted } = await customer.send({ ledger: answering(reason) })
      expect([reason, code, calls, admitted.length]).toEqual([reason, errorOfRefusal[reason], [], 1])
    }
  })

  test('who has no account for the model is refused for money at once', async () => {
    const customer = await newCustomer()
    await customer.bring({ provider: 'anthropic' })
    await customer.allowFallback()
    const { code, admitted } = await customer.send({ ledger: answering('insufficient_balance') })
    expect([code, admitted.length]).toEqual(['insufficient_balance', 1])
    expect((await customer.send()).calls).toEqual([atOurs])
  })
})

test('while a key cannot be opened nothing is asked of the ledger, and nobody else serves the request', async () => {
  const customer = await newCustomer()
  await customer.bring()
  await customer.allowFallback()
  const { code, calls, admitted } = await customer.send({ surroundings: { keyRing: () => keyRingOf({}) } })
  expect([code, calls, admitted]).toEqual(['byok_unavailable', [], []])
})
