import { type SQL, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readWrittenEntries } from '#db/queries/audit/read-written-entries.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import type { WrittenEntry } from '#shared/contracts/api/audit.ts'
import { newId } from '#shared/values/id.ts'
import { nodePlatform } from '../testing/node-platform.ts'
import { hashOfEntry } from './chain-check.ts'
import { recordChange } from './record-change.ts'
import { verifyChain } from './verify-chain.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

async function write(organizationId: string, action: string, after?: Record<string, unknown>): Promise<void> {
  const { transact, actor } = nodePlatform(database.db)
  const target = { type: 'organization', id: organizationId }
  await transact((tx) => recordChange(tx, actor, { chain: { organizationId }, action, target, after }))
}

/** A chain of five entries, of texts and numbers that are written in more than one way. */
async function newChain(): Promise<string> {
  const organizationId = newId('org')
  const afters = [undefined, { name: 'Zoë – 日本 "x"' }, { n: 1.5e300, deep: { b: [null, true] } }, { text: 'a,1:-' }, {}]
  for (const after of afters) await write(organizationId, 'organization.renamed', after)
  return organizationId
}

/** What a superuser can do who turns the triggers off. */
async function tamper(...statements: SQL[]): Promise<void> {
  await database.db.execute(sql`alter table audit_log disable trigger user`)
  try {
    for (const statement of statements) await database.db.execute(statement)
  } finally {
    await database.db.execute(sql`alter table audit_log enable trigger user`)
  }
}

/** The same entry with another action, and a hash that fits. */
async function forged(chain: string, seq: number): Promise<WrittenEntry> {
  const [entry] = await readWrittenEntries(database.db, chain, { after: String(seq - 1), limit: 1 })
  if (!entry) throw new Error('there is such an entry')
  const other = { ...entry, action: 'organization.forged' }
  return { ...other, hash: await hashOfEntry(other) }
}

test('a chain is whole, and its hashes are the ones that Postgres made', async () => {
  const chain = await newChain()
  const verified = await verifyChain(database.db, chain)
  expect(verified).toMatchObject({ outcome: 'whole', entries: 5, head: { seq: 5 }, broken: null, next: null })
  const entries = await readWrittenEntries(database.db, chain, { after: null, limit: 10 })
  expect(verified.head?.hash).toBe(entries[4]?.hash)
  expect(await verifyChain(database.db, newId('org'))).toMatchObject({ outcome: 'whole', entries: 0, head: null })
})

describe('a superuser who', () => {
  test.each<[string, string, object, (chain: string) => SQL[]]>([
    ['alters a value', 'altered', { seq: 2 }, (chain) => [sql`update audit_log set after = '{}' where chain = ${chain} and seq = 2`]],
    [
      'alters a time by a microsecond',
      'altered',
      { seq: 3 },
      (chain) => [sql`update audit_log set at = at + interval '1 microsecond' where chain = ${chain} and seq = 3`],
    ],
    [
      'makes nothing an empty text',
      'altered',
      { seq: 1 },
      (chain) => [sql`update audit_log set ip = '' where chain = ${chain} and seq = 1`],
    ],
    ['removes an entry', 'missing', { seq: 3 }, (chain) => [sql`delete from audit_log where chain = ${chain} and seq = 3`]],
    ['removes the first', 'missing', { seq: 1 }, (chain) => [sql`delete from audit_log where chain = ${chain} and seq = 1`]],
    [
      'swaps two',
      'altered',
      { seq: 2 },
      (chain) => [
        sql`update audit_log set seq = -seq where chain = ${chain} and seq in (2, 3)`,
        sql`update audit_log set seq = 5 + seq where chain = ${chain} and seq < 0`,
      ],
    ],
    [
      'inserts one, and moves the others',
      'altered',
      { seq: 3 },
      (chain) => [
        sql`update audit_log set seq = -seq where chain = ${chain} and seq >= 3`,
        sql`update audit_log set seq = 1 - seq where chain = ${chain} and seq < 0`,
        sql`insert into audit_log select chain, 3, at, actor_type, actor_id, ip, request_id, 'key.revoked', target_type, target_id, before, after,
          previous_hash, hash from audit_log where chain = ${chain} and seq = 4`,
      ],
    ],
  ])('%s is found out: %s', async (_, reason, where, statements) => {
    const chain = await newChain()
    await tamper(...statements(chain))
    expect(await verifyChain(database.db, chain)).toMatchObject({ outcome: 'broken', broken: { reason, ...where } })
  })

  test('forges an entry together with its hash is found out by the entry behind it, and by a noted head', async () => {
    const chain = await newChain()
    const { head } = await verifyChain(database.db, chain)
    const middle = await forged(chain, 3)
    await tamper(sql`update audit_log set action = ${middle.action}, hash = ${middle.hash} where chain = ${chain} and seq = 3`)
    expect(await verifyChain(database.db, chain)).toMatchObject({ outcome: 'broken', broken: { seq: 4, reason: 'unlinked' } })
    const other = await newChain()
    const noted = (await verifyChain(database.db, other)).head ?? undefined
    const last = await forged(other, 5)
    await tamper(sql`update audit_log set action = ${last.action}, hash = ${last.hash} where chain = ${other} and seq = 5`)
    expect(await verifyChain(database.db, other)).toMatchObject({ outcome: 'whole' })
    expect(await verifyChain(database.db, other, { expectedHead: noted })).toMatchObject({ broken: { seq: 5, reason: 'replaced' } })
    expect(head?.seq).toBe(5)
  })

  test('cuts off the end is found out by a noted head only', async () => {
    const chain = await newChain()
    const expectedHead = (await verifyChain(database.db, chain)).head ?? undefined
    await tamper(sql`delete from audit_log where chain = ${chain} and seq >= 4`)
    expect(await verifyChain(database.db, chain)).toMatchObject({ outcome: 'whole', entries: 3 })
    expect(await verifyChain(database.db, chain, { expectedHead })).toMatchObject({
      outcome: 'broken',
      broken: { seq: 4, reason: 'cut_off' },
    })
    await tamper(sql`delete from audit_log where chain = ${chain}`)
    expect(await verifyChain(database.db, chain, { expectedHead })).toMatchObject({ broken: { seq: 1, reason: 'cut_off' } })
  })
})

test('a long chain is verified in parts, and a cursor belongs to its chain', async () => {
  const chain = newId('org')
  await database.db.execute(sql`
    insert into audit_log (chain, seq, actor_type, actor_id, action, target_type, target_id, previous_hash, hash)
    select ${chain}, 0, 'system', 'job', 'thing.done', 'thing', n::text, '', '' from generate_series(1, 450) n`)
  const first = await verifyChain(database.db, chain, { pages: 2 })
  expect(first).toMatchObject({ outcome: 'unfinished', entries: 400, head: { seq: 400 } })
  const cursor = first.next ?? undefined
  expect(await verifyChain(database.db, chain, { cursor })).toMatchObject({ outcome: 'whole', entries: 50, head: { seq: 450 }, next: null })
  await expect(verifyChain(database.db, newId('org'), { cursor })).rejects.toMatchObject({ code: 'invalid_request' })
  await tamper(sql`update audit_log set target_id = 'x' where chain = ${chain} and seq = 401`)
  expect(await verifyChain(database.db, chain, { cursor })).toMatchObject({ outcome: 'broken', broken: { seq: 401, reason: 'altered' } })
})

test('the database refuses to change, delete or empty it', async () => {
  const chain = await newChain()
  for (const statement of [
    sql`update audit_log set action = 'x' where chain = ${chain}`,
    sql`delete from audit_log where chain = ${chain}`,
    sql`truncate audit_log`,
  ])
    await expect(database.db.execute(statement)).rejects.toMatchObject({ cause: { code: '23001' } })
  expect(await verifyChain(database.db, chain)).toMatchObject({ outcome: 'whole', entries: 5 })
})

test('twenty transactions at once make one whole chain, and one that is rolled back leaves no gap', async () => {
  const chain = newId('org')
  const { transact, actor } = nodePlatform(database.db)
  const target = { type: 'organization', id: chain }
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      transact(async (tx) => {
        await recordChange(tx, actor, { chain: { organizationId: chain }, action: 'thing.done', target, after: { index } })
        if (index % 4 === 0) throw new Error('changed its mind')
      }).catch(() => undefined),
    ),
  )
  expect(await verifyChain(database.db, chain)).toMatchObject({ outcome: 'whole', entries: 15, head: { seq: 15 } })
})
