import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AttemptOutcome, UsageEvent } from '#shared/contracts/usage-event.ts'
import { organizations, providerCredentials, secrets } from '../schema/index.ts'
import { startTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newCredential, newCustomer, settlementEvent, usedEvent } from '../testing/usage-events.ts'
import { listCustomerEvents } from './list-customer-events.ts'
import { recordUsage } from './record-usage.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

const nowMs = Date.now()

/** A customer with credentials, whose requests are recorded; everything asked is read from Postgres. */
async function stage(count = 1) {
  const { db } = database
  const organizationId = await newCustomer(db)
  const credentialIds: string[] = []
  for (let made = 0; made < count; made++) credentialIds.push(await newCredential(db, organizationId))
  const [first = '', second = ''] = credentialIds
  return {
    organizationId,
    first,
    second,
    /** A request for which the first credential was tried, so many seconds after another. */
    used: (outcome: AttemptOutcome, atSeconds = 0) => usedEvent([[first, outcome]], { settledAtMs: nowMs + atSeconds * 1_000 }),
    record: async (...events: UsageEvent[]) => (await recordUsage(db, [{ organizationId, events }]))[0],
    credential: async (id = first) => (await db.select().from(providerCredentials).where(eq(providerCredentials.id, id)))[0],
    versions: async () => {
      const [row] = await db.select().from(organizations).where(eq(organizations.id, organizationId))
      return [row?.balanceVersion, row?.credentialsVersion]
    },
    told: async () => {
      const rows = await listCustomerEvents(db, organizationId, { limit: 100 })
      return rows.map(({ type, data, dedupe }) => [type, data.credentialId, dedupe])
    },
  }
}

const three = ['unauthorized', 'unauthorized', 'unauthorized'] as const

describe('three refusals in a row pause a credential', () => {
  test('one by one: the third raises both versions once, is told once, and is answered', async () => {
    const { record, used, credential, versions, told, first } = await stage()
    expect(await record(used('unauthorized'))).toMatchObject({ version: 2, paused: 0 })
    expect(await record(used('unauthorized'))).toMatchObject({ version: 3, paused: 0 })
    expect(await credential()).toMatchObject({ status: 'active', refusals: 2 })
    expect(await versions()).toEqual([3, 0])
    expect(await record(used('unauthorized'))).toMatchObject({ version: 4, paused: 1 })
    expect(await credential()).toMatchObject({ status: 'paused', refusals: 3, lastError: 'unauthorized' })
    expect(await versions()).toEqual([4, 1])
    expect(await told()).toEqual([['byok.invalid', first, `${first} 4`]])
  })

  test('in one batch, and in one request', async () => {
    const batch = await stage()
    expect(await batch.record(...three.map((outcome) => batch.used(outcome)))).toMatchObject({ version: 2, paused: 1 })
    const request = await stage()
    expect(await request.record(usedEvent(three.map((outcome) => [request.first, outcome])))).toMatchObject({ version: 2, paused: 1 })
  })

  test('delivered twice, in any order, beside new ones: each counts once', async () => {
    const { record, used, credential, told } = await stage()
    const [one, two, three] = [used('unauthorized', 1), used('unauthorized', 2), used('unauthorized', 3)]
    await record(one, two, one)
    await record(two, one)
    expect(await credential()).toMatchObject({ status: 'active', refusals: 2 })
    expect(await record(two, three, one)).toMatchObject({ paused: 1 })
    const before = await credential()
    expect(await record(three, two, one)).toMatchObject({ recorded: 0, paused: 0 })
    expect(await credential()).toEqual(before)
    expect(await told()).toHaveLength(1)
  })

  test('and further ones tell nothing anew; an answer leaves it paused', async () => {
    const { record, used, credential, versions, told } = await stage()
    await record(...three.map((outcome) => used(outcome)))
    expect(await record(used('unauthorized'))).toMatchObject({ paused: 0 })
    expect(await record(used('answered'))).toMatchObject({ paused: 0 })
    expect(await credential()).toMatchObject({ status: 'paused', refusals: 0 })
    expect(await versions()).toEqual([4, 1])
    expect(await told()).toHaveLength(1)
  })

  test('again after it was resumed, and then it is told again', async () => {
    const { record, used, told, versions, first } = await stage()
    await record(...three.map((outcome) => used(outcome)))
    await database.db.update(providerCredentials).set({ status: 'active', refusals: 0 }).where(eq(providerCredentials.id, first))
    expect(await record(...three.map((outcome) => used(outcome)))).toMatchObject({ paused: 1 })
    expect(await told()).toHaveLength(2)
    expect(await versions()).toEqual([3, 2])
  })

  test('recorded by parallel consumers, of which each knows one', async () => {
    const { record, used, credential, versions, told } = await stage()
    await Promise.all(Array.from({ length: 10 }, () => record(used('unauthorized'))))
    expect(await credential()).toMatchObject({ status: 'paused', refusals: 10 })
    expect(await versions()).toEqual([11, 1])
    expect(await told()).toHaveLength(1)
  })
})

test.each<[string, AttemptOutcome[], number, string]>([
  ['an answer between them counts anew', ['unauthorized', 'unauthorized', 'answered', 'unauthorized'], 1, 'active'],
  [
    'what says nothing of the key is no refusal, and no answer',
    ['unauthorized', 'overloaded', 'unauthorized', 'rate_limited'],
    2,
    'active',
  ],
  ['three of them are enough, though an answer follows', [...three, 'answered', 'unauthorized'], 1, 'paused'],
])('refusals count in the order of time, however they are packed: %s', async (_, outcomes, refusals, status) => {
  const [batch, single] = [await stage(), await stage()]
  await batch.record(...outcomes.map((outcome, index) => batch.used(outcome, index)).toReversed())
  for (const [index, outcome] of outcomes.entries()) await single.record(single.used(outcome, index))
  expect(await batch.credential()).toMatchObject({ refusals, status })
  expect(await single.credential()).toMatchObject({ refusals, status })
})

test('a credential that would be paused by its count already is not paused by another failure', async () => {
  const { record, used, credential, first } = await stage()
  await database.db.update(providerCredentials).set({ refusals: 7 }).where(eq(providerCredentials.id, first))
  await record(used('timeout'))
  expect(await credential()).toMatchObject({ status: 'active', refusals: 7 })
})

test('two credentials of a batch are judged apart, and two paused at once raise the versions once', async () => {
  const { record, first, second, credential, versions, told } = await stage(2)
  const moved = () =>
    usedEvent([
      [first, 'unauthorized'],
      [second, 'answered'],
    ])
  expect(await record(moved(), moved(), moved())).toMatchObject({ paused: 1 })
  expect(await credential(second)).toMatchObject({ status: 'active', refusals: 0, lastError: null })
  const both = await stage(2)
  const refused = () => usedEvent([both.first, both.second].map((id) => [id, 'unauthorized']))
  expect(await both.record(refused(), refused(), refused())).toMatchObject({ version: 2, paused: 2 })
  expect(await both.versions()).toEqual([2, 1])
  expect((await both.told()).toSorted()).toEqual([both.first, both.second].map((id) => ['byok.invalid', id, `${id} 2`]).toSorted())
  expect([await versions(), await told()]).toEqual([[2, 1], [['byok.invalid', first, `${first} 2`]]])
})

test('the last use and the last error are the latest of the events, whichever comes last', async () => {
  const { record, used, credential } = await stage()
  await record(used('answered', 5))
  expect(await credential()).toMatchObject({ lastUsedAt: new Date(nowMs + 5_000), lastError: null, lastErrorAt: null })
  await record(used('rate_limited', 3))
  await record(used('timeout', 2), used('answered', 4))
  expect(await credential()).toMatchObject({
    lastUsedAt: new Date(nowMs + 5_000),
    lastError: 'rate_limited',
    lastErrorAt: new Date(nowMs + 3_000),
  })
})

test('an orphan counts by its truth alone, which repeats the attempts of its report', async () => {
  const { record, used, credential } = await stage()
  const truth = used('unauthorized')
  const report: UsageEvent = { ...truth, settlement: { ...truth.settlement, end: 'expired' } }
  expect(await record(report, { ...truth, kind: 'adjustment' })).toMatchObject({ recorded: 2 })
  expect(await credential()).toMatchObject({ refusals: 1 })
})

test("a removed credential, and another customer's, is left alone; the events are recorded", async () => {
  const [{ record, first }, stranger] = [await stage(), await stage()]
  await database.db.delete(providerCredentials).where(eq(providerCredentials.id, first))
  const refused = () => usedEvent([first, stranger.first].map((id) => [id, 'unauthorized']))
  expect(await record(refused(), refused(), refused())).toMatchObject({ recorded: 3, version: 2, paused: 0 })
  expect(await stranger.credential()).toMatchObject({ status: 'active', refusals: 0, lastUsedAt: null })
})

test('a customer without a pause keeps its credentials version, beside one with', async () => {
  const [paused, other] = [await stage(), await stage()]
  const accounts = await recordUsage(database.db, [
    { organizationId: paused.organizationId, events: three.map((outcome) => paused.used(outcome)) },
    { organizationId: other.organizationId, events: [other.used('unauthorized'), settlementEvent({ costNanos: 5 })] },
  ])
  const byId = new Map(accounts.map((account) => [account.organizationId, account]))
  expect(byId.get(paused.organizationId)).toMatchObject({ paused: 1, balanceNanos: 0 })
  expect(byId.get(other.organizationId)).toMatchObject({ paused: 0, balanceNanos: -5 })
  expect([await paused.versions(), await other.versions()]).toEqual([
    [2, 1],
    [2, 0],
  ])
})

/** An attempt that was refused for want of rights, with the status that told it. */
function refusedWith(credentialId: string, status: number): UsageEvent {
  const event = usedEvent([[credentialId, 'unauthorized']])
  const attempts = event.settlement.attempts?.map((attempt) => ({ ...attempt, status }))
  return { ...event, settlement: { ...event.settlement, ...(attempts && { attempts }) } }
}

test.each([
  [401, { status: 'paused', refusals: 3, lastError: 'unauthorized' }],
  [400, { status: 'paused', refusals: 3, lastError: 'unauthorized' }],
  [403, { status: 'active', refusals: 0, lastError: 'refused' }],
])('what a provider refuses with %d is told, and only a 403 says nothing of the key', async (status, expected) => {
  const { record, first, credential } = await stage()
  expect(await record(...three.map(() => refusedWith(first, status)))).toMatchObject({ recorded: 3 })
  expect(await credential()).toMatchObject(expected)
})

test.each<[string, number, number, object]>([
  ['began before the present key was stored', -1, 1, { refusals: 1, lastUsedAt: null }],
  ['began at that very moment', 0, 1, { refusals: 2, lastUsedAt: new Date(nowMs + 1_000) }],
  ['began after it', 1, 2, { refusals: 2, lastUsedAt: new Date(nowMs + 2_000) }],
])('a request that %s counts by the key it was made with', async (_, startedSeconds, endedSeconds, expected) => {
  const { record, first, credential } = await stage()
  await database.db.update(providerCredentials).set({ refusals: 1 }).where(eq(providerCredentials.id, first))
  await database.db
    .update(secrets)
    .set({ createdAt: new Date(nowMs) })
    .where(eq(secrets.ownerId, first))
  const choice = { startedAtMs: nowMs + startedSeconds * 1_000, settledAtMs: nowMs + endedSeconds * 1_000 }
  expect(await record(usedEvent([[first, 'unauthorized']], choice))).toMatchObject({ recorded: 1 })
  expect(await credential()).toMatchObject(expected)
})
