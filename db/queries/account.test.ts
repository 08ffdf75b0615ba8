import { type SQL, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Limits } from '#shared/contracts/account.ts'
import { generateApiKey, hashApiKey, redactApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'
import { startTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newCustomer, settlementEvent } from '../testing/usage-events.ts'
import { createApiKey } from './create-api-key.ts'
import { findKeyByHash } from './find-key-by-hash.ts'
import { changeApiKey } from './keys/change-api-key.ts'
import { listApiKeys } from './list-api-keys.ts'
import { type ManualEntry, postEntry } from './post-entry.ts'
import { readAccountSnapshot } from './read-account-snapshot.ts'
import { readOrganization } from './read-organization.ts'
import { reconcile } from './reconcile.ts'
import { recordUsage } from './record-usage.ts'
import { revokeApiKey } from './revoke-api-key.ts'
import { changeOrganizationAccount } from './set-organization-account.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

const versionOf = async (organizationId: string) => (await readOrganization(database.db, organizationId))?.balanceVersion

function credit(organizationId: string, choice: Partial<ManualEntry> = {}): ManualEntry {
  return { organizationId, amountNanos: 5_000, kind: 'credit', eventId: newId('crd'), reason: 'test', ...choice }
}

async function newKey(organizationId: string, choice: { expiresAtMs?: number; allowedModels?: string[] } = {}) {
  const apiKey = generateApiKey()
  const keyHash = await hashApiKey(apiKey)
  const keyId = newId('key')
  const outcome = await createApiKey(database.db, { keyId, organizationId, name: 'k', keyHash, redacted: redactApiKey(apiKey), ...choice })
  return { keyId, keyHash, outcome }
}

function limit(key: { organizationId: string; keyId: string }, limits: Limits) {
  return database.db.transaction((tx) => changeApiKey(tx, key, { limits }))
}

describe('an entry by hand', () => {
  test('is posted once, however often and however parallel it is asked for', async () => {
    const organizationId = await newCustomer(database.db)
    const entry = credit(organizationId)
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => postEntry(database.db, entry)))
    expect(outcomes.filter(({ outcome }) => outcome === 'posted')).toHaveLength(1)
    expect(outcomes.filter(({ outcome }) => outcome === 'already_posted')).toHaveLength(9)
    expect(await postEntry(database.db, entry)).toEqual({ outcome: 'already_posted', balanceNanos: 5_000, version: 2 })
  })

  test('with a known event id but another amount, kind or customer is refused', async () => {
    const organizationId = await newCustomer(database.db)
    const other = await newCustomer(database.db)
    const entry = credit(organizationId)
    await postEntry(database.db, entry)
    const refusal = { outcome: 'refused', reason: 'event_reused' }
    expect(await postEntry(database.db, { ...entry, amountNanos: 6_000 })).toEqual(refusal)
    expect(await postEntry(database.db, { ...entry, organizationId: other })).toEqual(refusal)
    expect(await readOrganization(database.db, other)).toMatchObject({ balanceNanos: 0, balanceVersion: 1 })
    expect(await readOrganization(database.db, organizationId)).toMatchObject({ balanceNanos: 5_000, balanceVersion: 2 })
  })

  test('whose event id another customer took a moment ago is refused', async () => {
    const [organizationId, other] = [await newCustomer(database.db), await newCustomer(database.db)]
    const entry = credit(organizationId)
    const faster = await database.pool.connect()
    await faster.query('begin')
    await faster.query(`insert into ledger_entries (organization_id, amount_nanos, kind, event_id) values ($1, 5000, 'credit', $2)`, [
      other,
      entry.eventId,
    ])
    const posted = postEntry(database.db, entry)
    await vi.waitFor(async () => {
      const { rows } = await database.pool.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock'`)
      expect(rows).toHaveLength(1)
    })
    await faster.query('commit')
    faster.release()
    expect(await posted).toEqual({ outcome: 'refused', reason: 'event_reused' })
    expect(await readOrganization(database.db, organizationId)).toMatchObject({ balanceNanos: 0, balanceVersion: 1 })
  })

  test('of the wrong sign, for nobody, or beyond the range changes nothing', async () => {
    const organizationId = await newCustomer(database.db)
    await expect(postEntry(database.db, credit(organizationId, { amountNanos: -1 }))).rejects.toThrow()
    expect(await postEntry(database.db, credit(newId('org')))).toEqual({ outcome: 'refused', reason: 'organization_unknown' })
    await postEntry(database.db, credit(organizationId, { amountNanos: 4_500_000_000_000_000 }))
    expect(await postEntry(database.db, credit(organizationId))).toEqual({ outcome: 'refused', reason: 'balance_out_of_range' })
    expect(await reconcile(database.db, organizationId)).toEqual([])
  })
})

test('every change of an account raises its version by one, and no other account changes', async () => {
  const [organizationId, neighbour] = [await newCustomer(database.db), await newCustomer(database.db)]
  const { keyId } = await newKey(organizationId)
  const changes = [
    () => postEntry(database.db, credit(organizationId)),
    () => postEntry(database.db, credit(organizationId, { amountNanos: -10, kind: 'debit' })),
    () => recordUsage(database.db, [{ organizationId, events: [settlementEvent(), settlementEvent()] }]),
    () => changeOrganizationAccount(database.db, organizationId, { limits: { concurrency: 3 } }),
    () => changeOrganizationAccount(database.db, organizationId, { status: 'suspended' }),
    () => changeOrganizationAccount(database.db, organizationId, { overdraftNanos: 7 }),
    () => limit({ organizationId, keyId }, { requestsPerMinute: 5 }),
    () => newKey(organizationId),
    () => revokeApiKey(database.db, { organizationId, keyId }),
  ]
  const untouched = await readAccountSnapshot(database.db, neighbour)
  let version = 2
  for (const change of changes) {
    expect(await versionOf(organizationId)).toBe(version)
    await change()
    version++
  }
  expect(await versionOf(organizationId)).toBe(version)
  expect(await readAccountSnapshot(database.db, neighbour)).toEqual(untouched)
})

describe('a key', () => {
  test('is found by its hash with the whole account, and no more once it is revoked', async () => {
    const organizationId = await newCustomer(database.db)
    const expiresAtMs = Date.UTC(2040, 5, 1, 12, 30, 15, 123)
    const { keyId, keyHash } = await newKey(organizationId, { expiresAtMs, allowedModels: ['a', 'b "c"'] })
    await changeOrganizationAccount(database.db, organizationId, { limits: { requestsPerMinute: 0 } })
    await postEntry(database.db, credit(organizationId))
    const found = await findKeyByHash(database.db, keyHash)
    expect(found).toEqual({
      keyId,
      organizationId,
      ownKeys: { version: 0, fallback: false, credentials: [] },
      snapshot: {
        organizationId,
        status: 'active',
        balanceNanos: 5_000,
        overdraftNanos: 0,
        version: 4,
        limits: { requestsPerMinute: 0 },
        credentialsVersion: 0,
        keys: [{ keyId, limits: {}, allowedModels: ['a', 'b "c"'], expiresAtMs }],
      },
    })
    expect(await readAccountSnapshot(database.db, organizationId)).toEqual(found?.snapshot)
    await revokeApiKey(database.db, { organizationId, keyId })
    expect(await findKeyByHash(database.db, keyHash)).toBeNull()
    expect((await readAccountSnapshot(database.db, organizationId))?.keys).toEqual([])
    expect(await listApiKeys(database.db, organizationId)).toMatchObject([{ id: keyId, revokedAt: expect.any(Date) }])
    expect(await revokeApiKey(database.db, { organizationId, keyId })).toBeNull()
  })

  test('is not revoked or limited through another customer', async () => {
    const [owner, other] = [await newCustomer(database.db), await newCustomer(database.db)]
    const { keyId, keyHash } = await newKey(owner)
    expect(await revokeApiKey(database.db, { organizationId: other, keyId })).toBeNull()
    expect(await limit({ organizationId: other, keyId }, { concurrency: 0 })).toMatchObject({ outcome: 'refused' })
    expect((await findKeyByHash(database.db, keyHash))?.snapshot.keys).toMatchObject([{ limits: {} }])
    expect(await versionOf(other)).toBe(1)
  })

  test('is refused for nobody, and beyond a thousand living ones', async () => {
    expect((await newKey(newId('org'))).outcome).toEqual({ outcome: 'refused', reason: 'organization_unknown' })
    const organizationId = await newCustomer(database.db)
    await database.db.execute(sql`insert into api_keys (id, organization_id, name, key_hash, redacted)
      select ${organizationId} || n, ${organizationId}, 'k', encode(sha256((${organizationId} || n)::bytea), 'hex'), '' from generate_series(1, 999) n`)
    expect((await newKey(organizationId)).outcome).toMatchObject({ outcome: 'created' })
    expect((await newKey(organizationId)).outcome).toEqual({ outcome: 'refused', reason: 'too_many_keys' })
    expect((await readAccountSnapshot(database.db, organizationId))?.keys).toHaveLength(1_000)
  })
})

describe('reconciliation finds one nano', () => {
  test.each<[where: string, ...drifts: ((id: string) => SQL)[]]>([
    ['in a balance', (id) => sql`update organizations set balance_nanos = balance_nanos + 1 where id = ${id}`],
    ['in an entry', (id) => sql`update ledger_entries set amount_nanos = amount_nanos - 1 where organization_id = ${id}`],
    ['in a record', (id) => sql`update usage_records set cost_nanos = cost_nanos + 1 where organization_id = ${id}`],
    ['in a day', (id) => sql`update usage_daily set cost_nanos = cost_nanos - 1 where organization_id = ${id}`],
    ['in an hour', (id) => sql`update usage_hourly set cost_nanos = cost_nanos - 1 where organization_id = ${id}`],
    [
      'in entry and balance, which agree',
      (id) => sql`update ledger_entries set amount_nanos = amount_nanos - 1 where organization_id = ${id}`,
      (id) => sql`update organizations set balance_nanos = balance_nanos - 1 where id = ${id}`,
    ],
  ])('%s', async (_, ...drifts) => {
    const [organizationId, neighbour] = [await newCustomer(database.db), await newCustomer(database.db)]
    for (const id of [organizationId, neighbour]) await recordUsage(database.db, [{ organizationId: id, events: [settlementEvent()] }])
    expect(await reconcile(database.db, organizationId)).toEqual([])
    for (const drift of drifts) await database.db.execute(drift(organizationId))
    expect(await reconcile(database.db, organizationId)).toMatchObject([{ organizationId }])
    expect((await reconcile(database.db)).map((difference) => difference.organizationId)).toContain(organizationId)
    expect(await reconcile(database.db, neighbour)).toEqual([])
  })
})
