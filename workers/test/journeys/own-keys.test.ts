import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import type { Limits } from '#shared/contracts/account.ts'
import { CreatedCustomerKey } from '#shared/contracts/customer-key.ts'
import { CustomerEventList } from '#shared/contracts/events/customer-event.ts'
import { ProviderCredentialList } from '#shared/contracts/provider-credential.ts'
import { costedModel, costedPicos, modelOf } from './catalogue.ts'
import { chatBody } from './conversation.ts'
import { admin, type Customer, newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { expectSoundBooks } from './invariants.ts'
import { expectUnreadableElsewhere } from './key-encryption.ts'
import { bring, hashOf, keysAsked, letCreditPay, newOwnKey, operated, refusalOf, registerKey, removeKey, replaceKey } from './own-keys.ts'
import { expectOfficialClientsServed } from './served-by-own-keys.ts'

const creditNanos = 5_000_000_000

/** A customer that brings one key at OpenAI along. */
async function newOwner(credit = creditNanos, limits: Limits = {}): Promise<{ customer: Customer; key: string; credentialId: string }> {
  const customer = await newCustomer({ creditNanos: credit, limits })
  const key = newOwnKey()
  return { customer, key, credentialId: await bring(customer, key) }
}

/** One chat that is served, and whose keys the upstream was asked with for it. */
async function served(customer: Customer, options: Parameters<Customer['chat']>[1] = {}): Promise<string[]> {
  const answer = await customer.chat('fast', options)
  expect(answer.status, await answer.text()).toBe(200)
  return keysAsked(answer)
}

async function expectNothingCharged(customer: Customer): Promise<void> {
  const { account, records } = await expectSoundBooks(customer)
  expect([account.balanceNanos, records.filter(({ costNanos }) => costNanos !== 0)]).toEqual([creditNanos, []])
}

describe.concurrent('a key of the customer at a provider', () => {
  test('serves the official clients, whole and streamed, at no charge and without any credit', expectOfficialClientsServed)

  test('opens nowhere but where it belongs', expectUnreadableElsewhere)

  test('is used at what its provider takes for it, where the route tells', async () => {
    const { customer, credentialId } = await newOwner()
    expect((await customer.chat('', { model: costedModel, text: '[tokens=11]' })).status).toBe(200)
    const { records } = await expectSoundBooks(customer)
    const upstreamCostNanos = Math.ceil(((records[0]?.inputTokens ?? 0) * costedPicos.inputPicos + 11 * costedPicos.outputPicos) / 1_000)
    expect(records).toMatchObject([{ credentialId, costNanos: 0, upstreamCostNanos }])
    await expectNothingCharged(customer)
  })

  test.each<[string, Limits]>([
    ['requests_per_minute', { requestsPerMinute: 1 }],
    ['requests_per_day', { requestsPerDay: 1 }],
    ['tokens_per_minute', { tokensPerMinute: 800 }],
  ])('is used within the limit %s', async (code, limits) => {
    const { customer, key } = await newOwner(0, limits)
    expect(await served(customer, { text: '[tokens=600]', maxTokens: 620 })).toEqual([hashOf(key)])
    const refused = await customer.chat('fast')
    expect([await keysAsked(refused), await refusalOf(refused)]).toEqual([[], [429, code]])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  test('is used by as many requests at once as are allowed', async () => {
    const { customer } = await newOwner(0, { concurrency: 1 })
    const running = customer.chat('slow-first-1500')
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(await refusalOf(await customer.chat('fast'))).toEqual([429, 'concurrency'])
    expect((await running).status).toBe(200)
    await expectEventually(async () => (await customer.chat('fast')).status, 200, 5_000)
  })

  test('that is refused there gets no paid service, and costs nothing', async () => {
    const { customer, key, credentialId } = await newOwner()
    await registerKey(key, 'revoked')
    const failure: unknown = await customer
      .openai()
      .chat.completions.create(chatBody('fast'))
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(OpenAI.PermissionDeniedError)
    expect(failure).toMatchObject({ code: 'byok_key_refused', message: expect.stringContaining(credentialId) })
    const streamed = await customer.chatStream('fast')
    expect([await keysAsked(streamed), await refusalOf(streamed)]).toEqual([[hashOf(key)], [403, 'byok_key_refused']])
    await expectNothingCharged(customer)
  })

  test('that is refused there is stood in for by paid credit, once the customer wants that and has any', async () => {
    const { customer, key } = await newOwner()
    const { customer: poor, key: poorKey } = await newOwner(0)
    for (const [each, its] of [
      [customer, key],
      [poor, poorKey],
    ] as const) {
      await letCreditPay(each)
      await registerKey(its, 'revoked')
    }
    const paid = await customer.chat('fast')
    expect([paid.status, paid.headers.get('x-relay-credential')]).toEqual([200, null])
    expect(await keysAsked(paid)).toEqual([hashOf(key), 'platform'])
    const { records, account } = await expectSoundBooks(customer)
    expect(records).toMatchObject([{ credentialId: null, costNanos: creditNanos - account.balanceNanos }])
    expect(account.balanceNanos).toBeLessThan(creditNanos)
    const unpaid = await poor.chat('fast')
    expect([await keysAsked(unpaid), await refusalOf(unpaid)]).toEqual([[hashOf(poorKey)], [403, 'byok_key_refused']])
  })

  test.each(['revoked', 'rate_limited'] as const)('that is %s makes way for the next by priority', async (state) => {
    const { customer, key } = await newOwner()
    const [last, next] = [newOwnKey(), newOwnKey()]
    await bring(customer, last, '--priority', '2')
    const nextId = await bring(customer, next, '--priority', '1')
    expect(await served(customer)).toEqual([hashOf(key)])
    await registerKey(key, state)
    const answer = await customer.chat('fast')
    expect([answer.status, answer.headers.get('x-relay-credential')]).toEqual([200, nextId])
    expect(await keysAsked(answer)).toEqual([hashOf(key), hashOf(next)])
    await expectNothingCharged(customer)
  })

  test('serves only the models and the API keys that it is meant for', async () => {
    const customer = await newCustomer()
    const otherKey = await admin().call('POST', `/customers/${customer.organizationId}/keys`, CreatedCustomerKey, {})
    const [forModel, forKey] = [newOwnKey(), newOwnKey()]
    await bring(customer, forModel, '--models', modelOf('burst'))
    await bring(customer, forKey, '--keys', otherKey.keyId, '--priority', '5')
    const as = (apiKey: string) => ({ authorization: `Bearer ${apiKey}` })
    const asked = async (behaviour: string, apiKey: string) =>
      keysAsked(await customer.post(chatBody(behaviour), { headers: { ...as(apiKey), 'content-type': 'application/json' } }))
    expect(await asked('burst', customer.apiKey)).toEqual([hashOf(forModel)])
    expect(await asked('burst', otherKey.apiKey)).toEqual([hashOf(forModel)])
    expect(await asked('fast', otherKey.apiKey)).toEqual([hashOf(forKey)])
    // Nothing was brought along for this, so it is an ordinary request.
    expect(await asked('fast', customer.apiKey)).toEqual(['platform'])
  })

  test('is used from the next request on, in its latest form, and never after it was removed', async () => {
    const customer = await newCustomer()
    expect(await served(customer)).toEqual(['platform'])
    const [first, second] = [newOwnKey(), newOwnKey()]
    const credentialId = await bring(customer, first)
    expect(await served(customer)).toEqual([hashOf(first)])
    await replaceKey(customer, credentialId, second)
    expect(await served(customer)).toEqual([hashOf(second)])
    await removeKey(customer, credentialId)
    expect(await served(customer)).toEqual(['platform'])
    const { records } = await expectSoundBooks(customer)
    expect(records.filter(({ costNanos }) => costNanos > 0).map((record) => record.credentialId)).toEqual([null, null])
  })

  test('that was refused is asked again as soon as it is replaced, even before another that works', async () => {
    const { customer, key, credentialId } = await newOwner()
    const [replacement, other] = [newOwnKey(), newOwnKey()]
    await bring(customer, other, '--priority', '1')
    await registerKey(key, 'revoked')
    expect(await served(customer)).toEqual([hashOf(key), hashOf(other)])
    await replaceKey(customer, credentialId, replacement)
    expect(await served(customer)).toEqual([hashOf(replacement)])
  })

  test('is paused after three refusals in a row, which is told, and works again once replaced', async () => {
    const { customer, key, credentialId } = await newOwner()
    await registerKey(key, 'revoked')
    for (const _ of [1, 2, 3]) expect(await refusalOf(await customer.chat('fast'))).toEqual([403, 'byok_key_refused'])
    const { organizationId } = customer
    const events = async () => {
      const list = await operated(CustomerEventList, ['customer', 'events', organizationId])
      return list.events.flatMap((event) => (event.type === 'byok.invalid' ? event.data.credentialId : []))
    }
    await expectEventually(events, [credentialId], 20_000)
    await expectEventually(async () => refusalOf(await customer.chat('fast')), [403, 'byok_paused'], 10_000)
    expect(await keysAsked(await customer.chat('fast'))).toEqual([])
    const replacement = newOwnKey()
    await replaceKey(customer, credentialId, replacement)
    expect(await served(customer)).toEqual([hashOf(replacement)])
    const { credentials } = await operated(ProviderCredentialList, ['byok', 'list', '--organization', organizationId])
    expect(credentials).toMatchObject([{ credentialId, status: 'active', lastFour: replacement.slice(-4) }])
    await expectNothingCharged(customer)
  })
})
