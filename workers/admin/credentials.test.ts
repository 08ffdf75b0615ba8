import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { findProviderCredential } from '#db/queries/find-provider-credential.ts'
import { readOwnKeys } from '#db/queries/read-own-keys.ts'
import { upstreams } from '#db/schema/index.ts'
import { CreatedCustomer } from '#shared/contracts/customer.ts'
import { AddedProviderCredential, credentialPlace, ProviderCredentialList } from '#shared/contracts/provider-credential.ts'
import { assert } from '#shared/values/assert.ts'
import { createDnsEndpoint } from '#workers/dev/dns/endpoint.ts'
import { type Providers, startProviders } from '#workers/services/credentials/testing/providers.ts'
import { openSecret } from '#workers/services/secrets/open.ts'
import { keyRingOf } from '#workers/services/secrets/settings.ts'
import { adminApp } from './app.ts'
import { type Stage, setStage } from './testing/stage.ts'

const keks = { KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify({ k1: Buffer.alloc(32, 7).toString('base64') }) }
const ring = keyRingOf(keks)
const dns = createDnsEndpoint()

let stage: Stage
let providers: Providers
/** All that is logged while this file runs, and every answer. */
const told: string[] = []

beforeAll(async () => {
  providers = await startProviders()
  await new Promise<void>((resolve) => dns.listen(0, '127.0.0.1', resolve))
  const address = dns.address()
  assert(typeof address === 'object' && address !== null, 'a listening server has an address')
  const resolver = `http://127.0.0.1:${address.port}`
  const DNS_OVER_HTTPS = `${resolver}/dns-query`
  // Hosts of ours that anyone can reach, so that nothing but their names keeps a key from them.
  for (const name of ['api.relay.example.com', 'cliproxy.target.example.com'])
    await fetch(`${resolver}/control/names/${name}`, { method: 'PUT', body: JSON.stringify({ a: ['93.184.215.14'] }) })
  stage = await setStage({ ...keks, DNS_OVER_HTTPS, OWN_HOSTS: 'relay.example.com', ALLOWED_TARGETS: providers.url })
  await stage.database.db.insert(upstreams).values([
    { id: 'openai', kind: 'openai', baseUrl: `${providers.url}/openai`, credential: 'c', byok: 'openai' },
    { id: 'anthropic', kind: 'anthropic', baseUrl: `${providers.url}/anthropic`, credential: 'c', byok: 'anthropic' },
    { id: 'gemini', kind: 'gemini', baseUrl: `${providers.url}/gemini`, credential: 'c', byok: 'gemini' },
    { id: 'cliproxy', kind: 'cliproxyapi', baseUrl: 'https://cliproxy.target.example.com:8443', credential: 'c', enabled: false },
    { id: 'nearby', kind: 'cliproxyapi', baseUrl: `${providers.url}/cliproxy`, credential: 'c' },
  ])
  for (const log of ['log', 'warn', 'error'] as const)
    vi.spyOn(console, log).mockImplementation((...line) => void told.push(line.join(' ')))
})
afterAll(async () => {
  vi.restoreAllMocks()
  providers?.stop()
  dns.close()
  await stage?.stop()
})
beforeEach(() => {
  providers.answers.clear()
})

/** Each its own, so that one that is found somewhere says where it came from. */
let keys = 0
function newKey(): string {
  keys += 1
  return `canary-${keys}-0123456789-end${keys}`
}

async function call(method: string, path: string, body?: unknown) {
  const answer = await stage.call(method, path, body)
  told.push(JSON.stringify(answer.json))
  return answer
}

async function newCustomer() {
  const customer = CreatedCustomer.parse((await stage.call('POST', '/customers', {})).json)
  return { ...customer, path: `/customers/${customer.organizationId}/provider-credentials` }
}

async function added(path: string, body: object = {}): Promise<AddedProviderCredential> {
  const answer = await call('POST', path, { provider: 'openai', apiKey: newKey(), ...body })
  return AddedProviderCredential.parse(answer.json)
}

async function list(path: string): Promise<ProviderCredentialList> {
  return ProviderCredentialList.parse((await call('GET', path)).json)
}

describe('a credential', () => {
  test('is stored sealed after its provider has taken the key, listed, and pushed to the ledger object', async () => {
    const { organizationId, keyId, path } = await newCustomer()
    const apiKey = newKey()
    const answer = await call('POST', path, { provider: 'openai', apiKey, name: 'Main', models: ['gpt-a'], keyIds: [keyId], priority: 4 })
    expect(answer.status).toBe(201)
    const { pushed, ...credential } = AddedProviderCredential.parse(answer.json)
    expect(credential).toMatchObject({ provider: 'openai', name: 'Main', baseUrl: null, models: ['gpt-a'], keyIds: [keyId], priority: 4 })
    expect([credential.lastFour, credential.status, pushed]).toEqual([apiKey.slice(-4), 'active', true])
    expect(providers.asked.at(-1)).toMatchObject({ path: '/openai/v1/models', key: apiKey })
    expect(await list(path)).toEqual({ credentials: [credential], fallback: false })
    expect(stage.ledger.pushed.at(-1)).toMatchObject({ organizationId, credentialsVersion: 1 })
  })

  test('opens at its own place and version, and nowhere else', async () => {
    const [owner, other] = [await newCustomer(), await newCustomer()]
    const apiKey = newKey()
    const { credentialId } = await added(owner.path, { apiKey })
    const second = await added(owner.path)
    const found = await findProviderCredential(stage.database.db, { organizationId: owner.organizationId, credentialId })
    assert(found, 'it was just added')
    const place = credentialPlace(owner.organizationId, credentialId)
    expect(await openSecret(ring, place, found.sealed)).toBe(apiKey)
    const elsewhere = [credentialPlace(other.organizationId, credentialId), credentialPlace(owner.organizationId, second.credentialId)]
    for (const wrong of elsewhere) await expect(openSecret(ring, wrong, found.sealed)).rejects.toMatchObject({ reason: 'unreadable' })
    await expect(openSecret(ring, place, { ...found.sealed, version: 2 })).rejects.toMatchObject({ reason: 'unreadable' })
  })

  test.for<[string, string, string]>([
    ['anthropic', '/anthropic/v1/models', 'x-api-key'],
    ['gemini', '/gemini/v1beta/models', 'x-goog-api-key'],
  ])('of %s is tried out as that provider wants it', async ([provider, path, header]) => {
    const apiKey = newKey()
    await added((await newCustomer()).path, { provider, apiKey })
    expect(providers.asked.at(-1)).toMatchObject({ method: 'GET', path, headers: { [header]: apiKey } })
  })

  test('of any other provider is tried out where the customer says, and its address is stored without the slash', async () => {
    const { path } = await newCustomer()
    const apiKey = newKey()
    const added = await call('POST', path, { provider: 'openai-compatible', apiKey, baseUrl: `${providers.url}/their/v1/`, models: ['m'] })
    expect(added).toMatchObject({ status: 201, json: { baseUrl: `${providers.url}/their/v1`, name: 'openai-compatible' } })
    expect(providers.asked.at(-1)).toMatchObject({ path: '/their/v1/models', headers: { authorization: `Bearer ${apiKey}` } })
  })

  test('shows less of a short key', async () => {
    expect((await added((await newCustomer()).path, { apiKey: 'abcdefgh' })).lastFour).toBe('gh')
    expect((await added((await newCustomer()).path, { apiKey: 'abcdefghijklmno' })).lastFour).toBe('mno')
  })
})

describe('what is refused', () => {
  const address = (baseUrl: string) => ({ provider: 'openai-compatible', baseUrl, models: ['m'], skipValidation: true })
  const pointing = (pointer: string, detail = '') => ({
    code: 'invalid_request',
    errors: [{ pointer, detail: expect.stringContaining(detail) }],
  })
  test.for<[string, object, number, object]>([
    ['a provider nobody has', { provider: 'nobody' }, 400, pointing('#/provider', 'anthropic, gemini, openai, openai-compatible')],
    ['a key that is not the customer’s', { keyIds: ['key_foreign'] }, 400, pointing('#/keyIds/0')],
    ['an address for a provider that has one', { baseUrl: 'https://x.example.com' }, 400, pointing('#/baseUrl')],
    ['no address', { provider: 'openai-compatible', models: ['m'] }, 400, pointing('#/baseUrl')],
    ['no models', { ...address('https://public.target.example.com/v1'), models: undefined }, 400, pointing('#/models')],
    ['plain http', address('http://public.target.example.com/v1'), 400, pointing('#/baseUrl', 'https')],
    ['a host that leads inside', address('https://private.target.example.com/v1'), 400, pointing('#/baseUrl', 'not public')],
    ['a host of ours', address('https://api.relay.example.com/v1'), 400, pointing('#/baseUrl', 'belongs to this platform')],
    ['a CLIProxyAPI of ours', address('https://cliproxy.target.example.com/v1'), 400, pointing('#/baseUrl', 'belongs to this platform')],
    ['a host that DNS does not tell of', address('https://failing.target.example.com/v1'), 503, { code: 'unavailable' }],
    ['a key with a blank', { apiKey: 'canary with blanks' }, 400, pointing('#/apiKey')],
    ['a field that is none', { secret: 'canary-field' }, 400, pointing('#/secret')],
  ])('%s', async ([, body, status, problem]) => {
    const { path } = await newCustomer()
    const asked = providers.asked.length
    const answer = await call('POST', path, { provider: 'openai', apiKey: newKey(), skipValidation: true, ...body })
    expect(answer).toMatchObject({ status, json: problem })
    expect(providers.asked).toHaveLength(asked)
    expect((await list(path)).credentials).toEqual([])
  })

  test('the path of a CLIProxyAPI of ours, also where the operator allows the origin', async () => {
    const { path } = await newCustomer()
    const at = (baseUrl: string) => call('POST', path, { apiKey: newKey(), ...address(baseUrl) })
    expect(await at(`${providers.url}/cliproxy/v1`)).toMatchObject({ status: 400, json: pointing('#/baseUrl') })
    expect((await at(`${providers.url}/cliproxy-of-theirs/v1`)).status).toBe(201)
    expect((await at('https://public.target.example.com/v1')).status).toBe(201)
  })

  test('a key that its provider refuses, and one that nobody could ask about, unless it shall not be asked', async () => {
    const { path } = await newCustomer()
    const [refused, away] = [newKey(), newKey()]
    providers.answers.set(refused, { status: 401, body: `{"error":"Incorrect API key provided: ${refused}"}` })
    providers.answers.set(away, { status: 404, body: `no list for ${away}` })
    expect(await call('POST', path, { provider: 'openai', apiKey: refused })).toMatchObject({
      status: 422,
      json: { code: 'key_refused', detail: expect.stringMatching(/status 401.*--skip-validation/), errors: [{ pointer: '#/apiKey' }] },
    })
    expect(await call('POST', path, { provider: 'openai', apiKey: away })).toMatchObject({
      status: 502,
      json: { code: 'provider_unreachable', detail: expect.stringMatching(/404.*--skip-validation/) },
    })
    expect((await list(path)).credentials).toEqual([])
    for (const apiKey of [refused, away]) await added(path, { apiKey, skipValidation: true })
    expect((await list(path)).credentials).toHaveLength(2)
  })

  test('everything of a customer or a credential that does not exist, and of another customer', async () => {
    const { path } = await newCustomer()
    const { credentialId } = await added((await newCustomer()).path)
    const asked = providers.asked.length
    const nobody = '/customers/org_nobody/provider-credentials'
    const calls: [string, string, unknown?][] = [
      ['GET', nobody],
      ['POST', nobody, { provider: 'openai', apiKey: newKey() }],
      ['PUT', `${nobody}/fallback`, { fallback: true }],
      ['PUT', `${path}/${credentialId}/key`, { apiKey: newKey() }],
      ['POST', `${path}/${credentialId}/test`],
      ['DELETE', `${path}/${credentialId}`],
      ['DELETE', `${path}/not-an-id`],
    ]
    for (const [method, at, body] of calls) expect([method, at, (await call(method, at, body)).status]).toEqual([method, at, 404])
    expect(providers.asked).toHaveLength(asked)
  })

  test('a key while no key encryption key is configured, and nothing is stored', async () => {
    const { path } = await newCustomer()
    const headers = { 'cf-access-jwt-assertion': await stage.sign(), 'content-type': 'application/json' }
    const body = JSON.stringify({ provider: 'openai', apiKey: newKey() })
    const answer = await adminApp.request(path, { method: 'POST', headers, body }, { ...stage.env, LOCAL_KEKS: '' })
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('LOCAL_KEKS is missing')])
    expect((await list(path)).credentials).toEqual([])
  })
})

describe('a stored key', () => {
  test('is replaced by one that its provider takes, and counts as new', async () => {
    const { organizationId, path } = await newCustomer()
    const { credentialId } = await added(path)
    const [refused, taken] = [newKey(), newKey()]
    providers.answers.set(refused, { status: 403 })
    await stage.database.pool.query(`update provider_credentials set status = 'paused', refusals = 5 where id = $1`, [credentialId])
    expect((await call('PUT', `${path}/${credentialId}/key`, { apiKey: refused })).status).toBe(422)
    expect((await list(path)).credentials).toMatchObject([{ status: 'paused' }])
    const answer = await call('PUT', `${path}/${credentialId}/key`, { apiKey: taken })
    expect(answer).toMatchObject({ status: 200, json: { organizationId, credentialId, pushed: true } })
    expect((await list(path)).credentials).toMatchObject([{ status: 'active', lastFour: taken.slice(-4) }])
    expect(stage.ledger.pushed.at(-1)).toMatchObject({ organizationId, credentialsVersion: 2 })
    expect((await call('POST', `${path}/${credentialId}/test`)).json).toEqual({ outcome: 'accepted', status: 200 })
    expect(providers.asked.at(-1)?.key).toBe(taken)
  })

  test('that two replace at once is one of both, whole', async () => {
    const { organizationId, path } = await newCustomer()
    const { credentialId } = await added(path)
    const wanted = [newKey(), newKey()]
    const answers = await Promise.all(wanted.map((apiKey) => call('PUT', `${path}/${credentialId}/key`, { apiKey })))
    // They may also come one after the other, and then both are stored.
    expect(answers.every(({ status }) => status === 200 || status === 409) && answers.some(({ status }) => status === 200)).toBe(true)
    const [own] = (await readOwnKeys(stage.database.db, organizationId))?.credentials ?? []
    assert(own, 'it was replaced, not removed')
    const opened = await openSecret(ring, credentialPlace(organizationId, credentialId), own.sealed)
    expect(wanted).toContain(opened)
    expect((await list(path)).credentials[0]?.lastFour).toBe(opened.slice(-4))
  })

  test('is tested without being changed', async () => {
    const { organizationId, path } = await newCustomer()
    const apiKey = newKey()
    const { credentialId } = await added(path, { apiKey })
    const test = () => call('POST', `${path}/${credentialId}/test`)
    providers.answers.set(apiKey, { status: 401 })
    expect((await test()).json).toEqual({ outcome: 'refused', status: 401 })
    providers.answers.set(apiKey, { status: 0 })
    expect((await test()).json).toEqual({ outcome: 'unreachable', status: null })
    expect(await readOwnKeys(stage.database.db, organizationId)).toMatchObject({ version: 1, credentials: [{ isPaused: false }] })
  })

  test('that was moved to another row is not used', async () => {
    const { path } = await newCustomer()
    const [one, two] = [await added(path), await added(path)]
    const columns = 'sealed = o.sealed, wrapped_dek = o.wrapped_dek'
    await stage.database.pool.query(`update secrets s set ${columns} from secrets o where s.owner_id = $1 and o.owner_id = $2`, [
      one.credentialId,
      two.credentialId,
    ])
    const asked = providers.asked.length
    expect(await call('POST', `${path}/${one.credentialId}/test`)).toMatchObject({ status: 500, json: { code: 'internal' } })
    expect(providers.asked).toHaveLength(asked)
  })

  test('is forgotten with its credential', async () => {
    const { organizationId, path } = await newCustomer()
    const { credentialId } = await added(path)
    expect((await call('DELETE', `${path}/${credentialId}`)).json).toEqual({ organizationId, credentialId, pushed: true })
    const { rows } = await stage.database.pool.query('select 1 from secrets where organization_id = $1', [organizationId])
    expect([rows, await list(path)]).toEqual([[], { credentials: [], fallback: false }])
  })
})

test('the fallback is off until it is set', async () => {
  const { organizationId, path } = await newCustomer()
  expect((await call('PUT', `${path}/fallback`, { fallback: true })).json).toEqual({ organizationId, fallback: true, pushed: true })
  expect((await list(path)).fallback).toBe(true)
  expect(stage.ledger.pushed.at(-1)).toMatchObject({ organizationId, credentialsVersion: 1 })
})

// Last in the file: it looks at all that the tests above have left behind.
test('no key is in an answer, a log line or a column', async () => {
  const { rows: tables } = await stage.database.pool.query(`select table_name from information_schema.tables where table_schema = 'public'`)
  const contents = await Promise.all(
    tables.map(async ({ table_name }) => JSON.stringify((await stage.database.pool.query(`select * from "${table_name}"`)).rows)),
  )
  expect(tables.length).toBeGreaterThan(10)
  expect(keys).toBeGreaterThan(20)
  expect(told.join()).toContain('admin_action')
  for (const text of [...told, ...contents]) expect(text).not.toMatch(/canary-\d|canary with/)
  // It would be found if it were there.
  expect(JSON.stringify(providers.asked)).toContain('canary-1-')
})
