import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { credentialPlace, type OwnKeys } from '#shared/contracts/provider-credential.ts'
import type { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import { hashApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'
import { upstreams } from '../schema/index.ts'
import { readRows } from '../statements.ts'
import { startTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newCustomer } from '../testing/usage-events.ts'
import { addProviderCredential, maxProviderCredentials, type ProviderCredentialToAdd } from './add-provider-credential.ts'
import { createApiKey } from './create-api-key.ts'
import { findProviderCredential } from './find-provider-credential.ts'
import { listByokUpstreams } from './list-byok-upstreams.ts'
import { listProviderCredentials } from './list-provider-credentials.ts'
import { ownKeysColumn, readOwnKeys } from './read-own-keys.ts'
import { removeProviderCredential } from './remove-provider-credential.ts'
import { replaceProviderCredential } from './replace-provider-credential.ts'
import { revokeApiKey } from './revoke-api-key.ts'
import { setByokFallback } from './set-byok-fallback.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
  await database.db.insert(upstreams).values([
    { id: 'messages', kind: 'anthropic', baseUrl: 'https://two.example/anthropic', credential: 'c', byok: 'two' },
    { id: 'two', kind: 'openai', baseUrl: 'https://two.example', credential: 'c', byok: 'two' },
    { id: 'gemini', kind: 'gemini', baseUrl: 'https://gemini.example', credential: 'c', byok: 'gemini' },
    { id: 'off', kind: 'openai', baseUrl: 'https://off.example', credential: 'c', byok: 'off', enabled: false },
    { id: 'cliproxy', kind: 'cliproxyapi', baseUrl: 'https://ours.example', credential: 'c' },
    { id: 'none', kind: 'openai', baseUrl: 'https://none.example', credential: 'c' },
  ])
})
afterAll(() => database.stop())

function sealedAs(name: string, version = 1): SealedSecret {
  return { version, kek: 'local', kekId: 'k1', wrappedDek: name.padEnd(80, 'w'), sealed: name.padEnd(39, 's') }
}

function credentialOf(organizationId: string, choice: Partial<ProviderCredentialToAdd> = {}): ProviderCredentialToAdd {
  return {
    credentialId: newId('byk'),
    organizationId,
    provider: 'gemini',
    name: 'main',
    baseUrl: null,
    lastFour: 'wxyz',
    priority: 0,
    models: null,
    keyIds: null,
    sealed: sealedAs('one'),
    ...choice,
  }
}

async function added(organizationId: string, choice: Partial<ProviderCredentialToAdd> = {}): Promise<string> {
  const credential = credentialOf(organizationId, choice)
  expect(await addProviderCredential(database.db, credential)).toEqual({ outcome: 'added', createdAtMs: expect.any(Number) })
  return credential.credentialId
}

async function newKey(organizationId: string): Promise<string> {
  const keyId = newId('key')
  await createApiKey(database.db, { keyId, organizationId, name: 'k', keyHash: await hashApiKey(keyId), redacted: 'r' })
  return keyId
}

async function versionsOf(organizationId: string): Promise<number[]> {
  const { rows } = await database.pool.query('select credentials_version, balance_version from organizations where id = $1', [
    organizationId,
  ])
  return [Number(rows[0].credentials_version), Number(rows[0].balance_version)]
}

async function secretsOf(organizationId: string): Promise<number> {
  return (await database.pool.query('select 1 from secrets where organization_id = $1', [organizationId])).rows.length
}

test('what a proxy must know comes in the order in which it is tried, with the sealed keys', async () => {
  const organizationId = await newCustomer(database.db)
  const keyId = await newKey(organizationId)
  const compatible = { provider: 'openai-compatible', baseUrl: 'https://api.example.com/v1', models: ['a,"b"', 'NULL'] }
  const last = await added(organizationId, { priority: 2, keyIds: [keyId] })
  const [second, third] = [await added(organizationId, { priority: 1 }), await added(organizationId, { priority: 1 })].sort()
  const first = await added(organizationId, { ...compatible, sealed: sealedAs('first') })
  await database.pool.query(`update provider_credentials set status = 'paused' where id = $1`, [last])
  await added(await newCustomer(database.db))
  const own = await readOwnKeys(database.db, organizationId)
  expect(own).toMatchObject({ version: 4, fallback: false })
  expect(own?.credentials.map(({ credentialId }) => credentialId)).toEqual([first, second, third, last])
  expect(own?.credentials[0]).toEqual({
    credentialId: first,
    ...compatible,
    priority: 0,
    keyIds: null,
    isPaused: false,
    sealed: sealedAs('first'),
  })
  expect(own?.credentials[3]).toMatchObject({ isPaused: true, keyIds: [keyId], models: null })
  expect((await listProviderCredentials(database.db, organizationId)).map(({ id }) => id)).toEqual([first, second, third, last])
  expect(await readOwnKeys(database.db, newId('org'))).toBeNull()
})

test('a customer that never had a credential is not looked up', async () => {
  const [without, having] = [await newCustomer(database.db), await newCustomer(database.db)]
  await added(having)
  const plan = async (id: string) => {
    const statement = sql`explain (analyze, timing off) select ${ownKeysColumn} from organizations where organizations.id = ${id}`
    return JSON.stringify(await readRows(database.db, statement, z.unknown()))
  }
  expect(await plan(without)).toContain('never executed')
  expect(await plan(having)).not.toContain('never executed')
  expect(await readOwnKeys(database.db, without)).toEqual({ version: 0, fallback: false, credentials: [] } satisfies OwnKeys)
})

test('every change raises both versions of its customer by one, and of no other', async () => {
  const [organizationId, neighbour] = [await newCustomer(database.db), await newCustomer(database.db)]
  const credential = credentialOf(organizationId)
  const which = { organizationId, credentialId: credential.credentialId }
  const changes: [() => Promise<unknown>, unknown][] = [
    [() => addProviderCredential(database.db, credential), { outcome: 'added', createdAtMs: expect.any(Number) }],
    [() => replaceProviderCredential(database.db, { ...which, lastFour: 'new4', sealed: sealedAs('two', 2) }), 'replaced'],
    [() => setByokFallback(database.db, organizationId, true), true],
    [() => removeProviderCredential(database.db, which), true],
  ]
  for (const [index, [change, outcome]] of changes.entries()) {
    expect(await change()).toEqual(outcome)
    expect(await versionsOf(organizationId)).toEqual([index + 1, index + 2])
  }
  expect(await versionsOf(neighbour)).toEqual([0, 1])
  expect(await readOwnKeys(database.db, organizationId)).toEqual({ version: 4, fallback: true, credentials: [] })
})

describe('a credential is refused, and neither it nor its key is stored,', () => {
  const known = ['gemini', 'openai-compatible', 'two']
  test.each<[string, (organizationId: string) => Promise<[Partial<ProviderCredentialToAdd>, object]>]>([
    ['for nobody', async () => [{ organizationId: newId('org') }, { reason: 'organization_unknown' }]],
    ['for a provider nobody has', async () => [{ provider: 'nobody' }, { reason: 'provider_unknown', known }]],
    ['for a provider that is switched off', async () => [{ provider: 'off' }, { reason: 'provider_unknown', known }]],
    [
      'for keys of another customer, and revoked ones',
      async (organizationId) => {
        const [own, revoked] = [await newKey(organizationId), await newKey(organizationId)]
        const foreign = await newKey(await newCustomer(database.db))
        await revokeApiKey(database.db, { organizationId, keyId: revoked })
        return [{ keyIds: [own, foreign, revoked] }, { reason: 'key_unknown', keyIds: [foreign, revoked] }]
      },
    ],
  ])('%s', async (_, choose) => {
    const organizationId = await newCustomer(database.db)
    const [choice, refusal] = await choose(organizationId)
    const before = await versionsOf(organizationId)
    expect(await addProviderCredential(database.db, credentialOf(organizationId, choice))).toEqual({ outcome: 'refused', ...refusal })
    expect(await versionsOf(organizationId)).toEqual(before)
    expect([await listProviderCredentials(database.db, organizationId), await secretsOf(organizationId)]).toEqual([[], 0])
  })

  test('beyond as many as a customer may have, however parallel they come', async () => {
    const organizationId = await newCustomer(database.db)
    for (let had = 0; had < maxProviderCredentials - 2; had++) await added(organizationId)
    const outcomes = await Promise.all([1, 2, 3, 4, 5].map(() => addProviderCredential(database.db, credentialOf(organizationId))))
    expect(outcomes.filter(({ outcome }) => outcome === 'added')).toHaveLength(2)
    expect(outcomes.filter(({ outcome }) => outcome === 'refused')).toEqual(
      Array(3).fill({ outcome: 'refused', reason: 'too_many_credentials' }),
    )
    expect(await secretsOf(organizationId)).toBe(maxProviderCredentials)
  })
})

describe('a replaced key', () => {
  test('works again when it was paused, and its refusals are forgotten', async () => {
    const organizationId = await newCustomer(database.db)
    const credentialId = await added(organizationId)
    await database.pool.query(
      `update provider_credentials set status = 'paused', refusals = 5, last_error = 'unauthorized', last_error_at = now() where id = $1`,
      [credentialId],
    )
    const replacement = { organizationId, credentialId, lastFour: 'new4', sealed: sealedAs('two', 2) }
    expect(await replaceProviderCredential(database.db, replacement)).toBe('replaced')
    expect(await listProviderCredentials(database.db, organizationId)).toMatchObject([
      { status: 'active', refusals: 0, lastError: null, lastErrorAt: null, lastFour: 'new4' },
    ])
    expect((await findProviderCredential(database.db, replacement))?.sealed).toEqual(sealedAs('two', 2))
  })

  test('of two at once one is stored whole, and the other is told', async () => {
    const organizationId = await newCustomer(database.db)
    const credentialId = await added(organizationId)
    const names = ['aaaa', 'bbbb', 'cccc', 'dddd']
    const outcomes = await Promise.all(
      names.map((lastFour) =>
        replaceProviderCredential(database.db, { organizationId, credentialId, lastFour, sealed: sealedAs(lastFour, 2) }),
      ),
    )
    expect(outcomes.toSorted()).toEqual(['overtaken', 'overtaken', 'overtaken', 'replaced'])
    const winner = names[outcomes.indexOf('replaced')] ?? ''
    expect((await listProviderCredentials(database.db, organizationId))[0]?.lastFour).toBe(winner)
    expect((await findProviderCredential(database.db, { organizationId, credentialId }))?.sealed).toEqual(sealedAs(winner, 2))
    expect(await versionsOf(organizationId)).toEqual([2, 3])
  })
})

test('a credential is found, replaced and removed by its own customer alone, and its key goes with it', async () => {
  const [owner, other] = [await newCustomer(database.db), await newCustomer(database.db)]
  const credentialId = await added(owner)
  const stays = await added(owner)
  const foreign = { organizationId: other, credentialId }
  expect(await findProviderCredential(database.db, foreign)).toBeNull()
  expect(await replaceProviderCredential(database.db, { ...foreign, lastFour: 'x', sealed: sealedAs('x', 2) })).toBe('overtaken')
  expect(await removeProviderCredential(database.db, foreign)).toBe(false)
  expect(await secretsOf(owner)).toBe(2)
  expect(await removeProviderCredential(database.db, { organizationId: owner, credentialId })).toBe(true)
  expect(await removeProviderCredential(database.db, { organizationId: owner, credentialId })).toBe(false)
  const { rows } = await database.pool.query('select owner_table, owner_id, purpose from secrets where organization_id = $1', [owner])
  const { table, row, purpose } = credentialPlace(owner, stays)
  expect(rows).toEqual([{ owner_table: table, owner_id: row, purpose }])
})

test('a provider that speaks several ways is tried out as OpenAI is', async () => {
  expect(await listByokUpstreams(database.db)).toEqual([
    { provider: 'gemini', family: 'gemini', baseUrl: 'https://gemini.example' },
    { provider: 'two', family: 'openai', baseUrl: 'https://two.example' },
  ])
})

test('a CLIProxyAPI of ours cannot be made to take keys of customers', async () => {
  const change = (byok: string | null) => database.pool.query(`update upstreams set byok = $1 where id = 'cliproxy'`, [byok])
  await expect(change('gemini')).rejects.toThrow('upstreams_byok')
  expect((await change(null)).rowCount).toBe(1)
})
