import { randomUUID } from 'node:crypto'
import OpenAI from 'openai'
import { describe, expect, inject, test } from 'vitest'
import { ProviderCredentialList } from '#shared/contracts/provider-credential.ts'
import { RequestStatus } from '#shared/contracts/request-status.ts'
import { modelOf } from './catalogue.ts'
import { chatBody, streamBody } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectSoundBooks } from './invariants.ts'
import { addition, bring, hashOf, keysAsked, letCreditPay, newOwnKey, operate, operated, refusalOf } from './own-keys.ts'
import { allTruthSince, truthOf } from './truth.ts'

/** Known to the customer's provider and not to the catalogue. */
const model = 'scripted-fast'
const { upstreamUrl, proxyUrl, adminUrl, dnsUrl } = inject('stack')

const at = (baseUrl: string, models = model) => ['--provider', 'openai-compatible', '--base-url', baseUrl, '--models', models]

async function credentialsOf({ organizationId }: Customer) {
  return (await operated(ProviderCredentialList, ['byok', 'list', '--organization', organizationId])).credentials
}

/** Sets what a name of its own resolves to; later calls change it. */
async function newName(): Promise<{ name: string; resolvesTo: (...addresses: string[]) => Promise<void>; fails: () => Promise<void> }> {
  const name = `${randomUUID()}.target.example.com`
  const script = async (reply: object) => {
    const answer = await fetch(`${dnsUrl}/control/names/${name}`, { method: 'PUT', body: JSON.stringify(reply) })
    expect(answer.status).toBe(204)
  }
  return { name, resolvesTo: (...addresses) => script({ a: addresses }), fails: () => script({ status: 2 }) }
}

describe.concurrent('another provider that speaks as OpenAI does', () => {
  test('serves a model that only it knows, from the next request on', async () => {
    const customer = await newCustomer()
    expect(await refusalOf(await customer.chat('', { model }))).toEqual([404, 'model_not_found'])
    const key = newOwnKey()
    const credentialId = await bring(customer, key, ...at(`${upstreamUrl}/compatible/v1`))
    const client = customer.openai()
    const { data, response } = await client.chat.completions.create(chatBody('', { model, text: '[tokens=9]' })).withResponse()
    expect([data.model, data.usage?.completion_tokens]).toEqual([model, 9])
    expect([response.headers.get('x-relay-model'), response.headers.get('x-relay-credential')]).toEqual([model, credentialId])
    expect(await keysAsked(response)).toEqual([hashOf(key)])
    let text = ''
    for await (const chunk of await client.chat.completions.create(streamBody('', { model, text: '[tokens=9]' }))) {
      text += chunk.choices[0]?.delta.content ?? ''
    }
    expect(text.split(' ')).toHaveLength(9)
    const asked = await truthOf({ keyHash: hashOf(key) })
    expect(asked.map(({ path }) => path)).toEqual(
      ['models', 'chat/completions', 'chat/completions'].map((path) => `/compatible/v1/${path}`),
    )
    const { account, records } = await expectSoundBooks(customer)
    expect(account.balanceNanos).toBe(5_000_000_000)
    expect(records).toMatchObject(Array(2).fill({ model, credentialId, costNanos: 0, outputTokens: 9 }))
    const status = await customer.send(`/v1/requests/${response.headers.get('x-relay-request-id')}`)
    expect(RequestStatus.parse(await status.json())).toMatchObject({ model, byok: true, credentialId })
  })

  test('is not asked for what it is not said to serve', async () => {
    const customer = await newCustomer()
    await bring(customer, newOwnKey(), ...at(`${upstreamUrl}/compatible/v1`))
    expect(await refusalOf(await customer.chat('', { model: 'scripted-burst' }))).toEqual([404, 'model_not_found'])
    expect(await keysAsked(await customer.chat('fast'))).toEqual(['platform'])
  })

  test('is never followed where it redirects to, neither when a key is stored nor when it is used', async () => {
    const customer = await newCustomer()
    const startedMs = Date.now()
    const keys: string[] = []
    for (const status of [301, 302, 303, 307, 308]) {
      const choices = at(`${upstreamUrl}/redirecting/${status}/v1`, `moved-${status}`)
      const { code, err } = await operate(addition(customer, ...choices), newOwnKey())
      expect([code, err]).toEqual([1, expect.stringContaining(`its list of models answers ${status}`)])
      const key = newOwnKey()
      keys.push(key)
      await bring(customer, key, ...choices, '--skip-validation')
      const answer = await customer.chat('', { model: `moved-${status}` })
      expect([await keysAsked(answer), await refusalOf(answer)]).toEqual([[hashOf(key)], [502, 'upstream_error']])
    }
    expect(await credentialsOf(customer)).toHaveLength(keys.length)
    const leaked = (await allTruthSince(startedMs)).filter(({ leaks, path }) => leaks.length > 0 || path.startsWith('/redirected'))
    expect(leaked).toEqual([])
    await expectSoundBooks(customer)
  })
})

test("a provider's redirect takes no key of a customer's along", async () => {
  const customer = await newCustomer()
  const startedMs = Date.now()
  const key = newOwnKey()
  await bring(customer, key)
  const answer = await customer.chat('', { model: modelOf('redirect') })
  expect([await keysAsked(answer), await refusalOf(answer)]).toEqual([[hashOf(key)], [502, 'upstream_error']])
  expect((await allTruthSince(startedMs)).flatMap(({ leaks }) => leaks)).toEqual([])
})

describe.concurrent('an address that must not be called', () => {
  const platform = 'belongs to this platform'
  test.each<[string, string]>([
    ['http://api.example.com/v1', 'must begin with https'],
    ['https://10.0.0.7/v1', 'not an IP address'],
    ['https://[::1]/v1', 'not an IP address'],
    ['https://169.254.169.254/latest', 'not an IP address'],
    ['https://0x7f000001/v1', 'not an IP address'],
    ['https://localhost/v1', 'at least two parts'],
    ['https://metadata.google.internal/v1', 'private or special use'],
    ['https://private.target.example.com/v1', 'address'],
    ['https://alias.target.example.com/v1', 'address'],
    ['https://public.target.example.com:22/v1', 'port must be 443 or 8443'],
    ['https://user:word@public.target.example.com/v1', 'no user name'],
    ['https://public.target.example.com/v1?key=1', 'no query'],
    ['https://public.target.example.com/a/../v0/management', 'not allowed'],
    ['https://relay.example.com/v1', platform],
    ['https://api.relay.example.com/v1', platform],
    [`${proxyUrl}/v1`, 'must begin with https'],
    [`${adminUrl}/v1`, 'must begin with https'],
    [`${upstreamUrl}/cliproxy/v1`, platform],
    [`${upstreamUrl}/cliproxy`, platform],
    [`${upstreamUrl}/cliproxy/v0/management`, 'not allowed'],
  ])('%s is refused with the reason, and nothing is stored or sent', async (address, reason) => {
    const customer = await newCustomer()
    const key = newOwnKey()
    for (const more of [[], ['--skip-validation']]) {
      const { code, out, err } = await operate(addition(customer, ...at(address), ...more), key)
      expect([code, out, err]).toEqual([1, '', expect.stringContaining(reason)])
      expect(err).toContain('#/baseUrl')
    }
    expect([await credentialsOf(customer), await truthOf({ keyHash: hashOf(key) })]).toEqual([[], []])
  })

  test('is not taken while DNS does not tell where it leads', async () => {
    const customer = await newCustomer()
    const { code, err } = await operate(
      addition(customer, ...at('https://failing.target.example.com/v1'), '--skip-validation'),
      newOwnKey(),
    )
    expect([code, err]).toEqual([1, expect.stringMatching(/Try again.*503 unavailable/)])
    expect(await credentialsOf(customer)).toEqual([])
  })

  test('is refused at its use when its name has turned private since, even where credit could pay', async () => {
    const { name, resolvesTo, fails } = await newName()
    await resolvesTo('93.184.215.14')
    const customer = await newCustomer()
    await letCreditPay(customer)
    await bring(customer, newOwnKey(), ...at(`https://${name}/v1`, modelOf('fast')), '--skip-validation')
    const privateAddresses = ['10.0.0.7', '127.0.0.1', '169.254.169.254']
    for (const address of privateAddresses) {
      await resolvesTo('93.184.215.14', address)
      const failure: unknown = await customer
        .openai()
        .chat.completions.create(chatBody('fast'))
        .catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(OpenAI.PermissionDeniedError)
      expect(failure).toMatchObject({ code: 'byok_target' })
    }
    await fails()
    const unresolved = await customer.chat('fast')
    expect(Number(unresolved.headers.get('retry-after'))).toBeGreaterThan(0)
    expect([await keysAsked(unresolved), await refusalOf(unresolved)]).toEqual([[], [503, 'byok_unavailable']])
    const { account, records } = await expectSoundBooks(customer)
    expect([account.balanceNanos, records]).toEqual([5_000_000_000, []])
  })
})
