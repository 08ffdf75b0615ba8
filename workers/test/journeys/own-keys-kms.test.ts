import type OpenAI from 'openai'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { CreatedCustomerKey } from '#shared/contracts/customer-key.ts'
import { ProviderCredentialList } from '#shared/contracts/provider-credential.ts'
import { SecretRotation, SecretStatus } from '#shared/contracts/secret-rotation.ts'
import { controlKms } from '#workers/dev/kms/control-client.ts'
import { kmsKeys } from '#workers/dev/kms/well-known.ts'
import { modelOf } from './catalogue.ts'
import { chatBody, messageBody, promptOf } from './conversation.ts'
import { admin, type Customer, newCustomer } from './customers.ts'
import { expectSoundBooks } from './invariants.ts'
import { expectUnreadableElsewhere, reconfigure, wrapsByKms, wrapsByLocal } from './key-encryption.ts'
import { addition, askedWith, bring, hashOf, keysAsked, letCreditPay, newOwnKey, operate, operated } from './own-keys.ts'
import { expectOfficialClientsServed } from './served-by-own-keys.ts'

const kms = controlKms(inject('stack').kmsUrl)
const [first, second] = [kmsKeys.first.arn, kmsKeys.second.arn]

beforeAll(async () => {
  await Promise.all([reconfigure('proxy', wrapsByKms(first)), reconfigure('admin', wrapsByKms(first))])
})

afterEach(() => kms.reset())

afterAll(async () => {
  const usual = { ...wrapsByLocal('local1'), KMS_KEY_ID: first }
  await Promise.all([reconfigure('proxy', usual), reconfigure('admin', usual)])
})

describe('keys that AWS KMS wraps', () => {
  test('serve the official clients, whole and streamed, at no charge and without any credit', async () => {
    await expectOfficialClientsServed()
    const calls = await kms.calls()
    expect(calls.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
    expect(calls.map(({ operation }) => operation).toSorted()).toEqual([...Array(3).fill('Decrypt'), ...Array(3).fill('GenerateDataKey')])
  })

  test('open nowhere but where they belong', expectUnreadableElsewhere)
})

/** One request in each provider's own words, and what its client is told when the key cannot be opened. */
const asks: [string, (customer: Customer) => Promise<Response>, object][] = [
  ['openai', (customer) => customer.chat('fast'), { error: { type: 'api_error', code: 'byok_unavailable' } }],
  [
    'anthropic',
    (customer) => customer.send('/v1/messages', { method: 'POST', body: JSON.stringify(messageBody('fast')) }),
    { type: 'error', error: { type: 'overloaded_error' } },
  ],
  [
    'gemini',
    (customer) => {
      const body = JSON.stringify({ contents: [{ parts: [{ text: promptOf() }] }] })
      return customer.send(`/v1beta/models/${modelOf('fast', 'gemini')}:generateContent`, { method: 'POST', body })
    },
    { error: { code: 503, status: 'UNAVAILABLE' } },
  ],
]

const furtherOutages: [string, () => Promise<void>][] = [
  ['throttles', () => kms.setFault({ kind: 'throttled' })],
  ['fails', () => kms.setFault({ kind: 'internal' })],
  ['times out', () => kms.setFault({ kind: 'timeout' })],
  ['has no key at hand', () => kms.setFault({ kind: 'unavailable' })],
  ['has disabled the key', () => kms.setKeyState(first, 'Disabled')],
  ['is about to delete the key', () => kms.setKeyState(first, 'PendingDeletion')],
]

/** One of each way: nobody answers, an answer comes too late, KMS says no. What KMS may say is told apart in aws-kek.test.ts; with RELAY_LONG here too. */
const outages: [string, () => Promise<void>][] = [
  ['is down', () => kms.setFault({ kind: 'down' })],
  ['is slow', () => kms.setFault({ kind: 'slow', delayMs: 20_000 })],
  ['denies access', () => kms.setFault({ kind: 'denied' })],
  ...(process.env.RELAY_LONG ? furtherOutages : []),
]

describe('while KMS is away', () => {
  test.each(outages)('because it %s, a key that is not open waits, an open one serves, and nothing is paid for', async (_, begin) => {
    const [customer, open] = [await newCustomer(), await newCustomer()]
    const keys = new Map<string, string>()
    for (const [provider] of asks) {
      keys.set(provider, newOwnKey())
      await bring(customer, keys.get(provider) ?? '', '--provider', provider)
    }
    await letCreditPay(customer)
    const openKey = newOwnKey()
    await bring(open, openKey)
    expect((await open.chat('fast')).status).toBe(200)
    await begin()
    const startedMs = Date.now()
    await Promise.all(
      asks.map(async ([, ask, envelope]) => {
        const refused = await ask(customer)
        expect(Date.now() - startedMs).toBeLessThan(5_000)
        expect([refused.status, refused.headers.get('x-relay-error')]).toEqual([503, 'byok_unavailable'])
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
        expect([await refused.json(), await keysAsked(refused)]).toMatchObject([envelope, []])
      }),
    )
    const served = await open.chat('fast')
    expect([served.status, await keysAsked(served)]).toEqual([200, [hashOf(openKey)]])
    await kms.reset()
    for (const [provider, ask] of asks) {
      const answer = await ask(customer)
      expect([answer.status, await keysAsked(answer)]).toEqual([200, [hashOf(keys.get(provider) ?? '')]])
    }
    const { account, records } = await expectSoundBooks(customer)
    expect([account.balanceNanos, records.length]).toEqual([5_000_000_000, 3])
  })

  test('no key is stored', async () => {
    const customer = await newCustomer()
    await kms.setFault({ kind: 'throttled' })
    const { code, err } = await operate(addition(customer), newOwnKey())
    expect([code, err]).toEqual([1, expect.stringMatching(/ThrottlingException.*503 unavailable/)])
    const { credentials } = await operated(ProviderCredentialList, ['byok', 'list', '--organization', customer.organizationId])
    expect(credentials).toEqual([])
  })
})

const within: typeof rotations = [
  ['one key of KMS to the next', wrapsByKms(first), first],
  ['KMS to a local key, once more', wrapsByLocal('local1'), 'local1'],
  ['one local key to the next', wrapsByLocal('local2'), 'local2'],
]

/** Both ways between the providers of keys; with RELAY_LONG also within each. */
const rotations: [string, Record<string, string>, string][] = [
  ['KMS to a local key', wrapsByLocal('local1'), 'local1'],
  ['a local key to KMS', wrapsByKms(second), second],
  ...(process.env.RELAY_LONG ? within : []),
]

describe('under traffic, a rotation', () => {
  const owners = 4
  const keys = Array.from({ length: 2 * owners }, newOwnKey)
  const customers: Customer[] = []

  beforeAll(async () => {
    for (let index = 0; index < owners; index++) {
      const customer = await newCustomer({ creditNanos: 0 })
      await bring(customer, keys[2 * index] ?? '', '--models', modelOf('fast'))
      await bring(customer, keys[2 * index + 1] ?? '', '--models', modelOf('burst'))
      customers.push(customer)
    }
  })

  test.each(rotations)('from %s fails no request, and leaves nothing under the old key', async (_, vars, kekId) => {
    const clients = await freshClients(customers, 60)
    const traffic = startTraffic(clients)
    await reconfigure('admin', vars)
    const report = await operated(SecretRotation.extend({ remaining: z.int() }), ['secret', 'rotate'])
    expect(report).toMatchObject({ failed: [], stopped: null, remaining: 0 })
    expect(report.rotated).toBeGreaterThanOrEqual(keys.length)
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    const { asked, failures, credentials } = await traffic.stop()
    expect(failures).toEqual([])
    expect(asked).toBeGreaterThan(40)
    expect(credentials.has(null)).toBe(false)
    const status = await operated(SecretStatus, ['secret', 'status'])
    expect(status.keys).toMatchObject([{ kekId, isCurrent: true, problem: null }])
    // To a client that it has not met, the proxy opens each under the new key.
    const after = { asked: 0, failures: [], credentials: new Set<string | null>() }
    for (const client of await freshClients(customers, owners)) {
      for (const behaviour of ['fast', 'burst']) await askOnce(client, behaviour, after)
    }
    expect([after.failures, after.credentials.size]).toEqual([[], keys.length])
    const used = await Promise.all(keys.map(askedWith))
    expect(used.flat().filter((record) => record.status !== 200)).toEqual([])
  })
}, 120_000)

/** Clients with API keys that the proxy does not know, so that the first request of each reads what is stored at that moment. */
async function freshClients(customers: Customer[], count: number): Promise<OpenAI[]> {
  const clients: OpenAI[] = []
  for (let index = 0; index < count; index++) {
    const customer = customers[index % customers.length]
    const created = await admin().call('POST', `/customers/${customer?.organizationId}/keys`, CreatedCustomerKey, {})
    if (customer) clients.push(customer.openai({ apiKey: created.apiKey }))
  }
  return clients
}

interface Traffic {
  asked: number
  failures: string[]
  /** Which credentials served; null would be one of ours. */
  credentials: Set<string | null>
}

/** Twenty requests a second until it is stopped. Every client has its turn for four of them. */
function startTraffic(clients: OpenAI[]): { stop: () => Promise<Traffic> } {
  const traffic: Traffic = { asked: 0, failures: [], credentials: new Set() }
  const running: Promise<void>[] = []
  const timer = setInterval(() => {
    const client = clients[Math.floor(traffic.asked / 4) % clients.length]
    traffic.asked += 1
    if (client) running.push(askOnce(client, traffic.asked % 2 === 0 ? 'fast' : 'burst', traffic))
  }, 50)
  const stop = async () => {
    clearInterval(timer)
    await Promise.all(running)
    return traffic
  }
  return { stop }
}

async function askOnce(client: OpenAI, behaviour: string, { failures, credentials }: Traffic): Promise<void> {
  try {
    const { response } = await client.chat.completions.create(chatBody(behaviour)).withResponse()
    credentials.add(response.headers.get('x-relay-credential'))
  } catch (error) {
    failures.push(String(error))
  }
}
