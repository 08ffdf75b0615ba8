import { eq, sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postEntry } from '#db/queries/post-entry.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import { reconcile } from '#db/queries/reconcile.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { organizations } from '#db/schema/index.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { adjustmentEvent, newCustomer, settlementEvent } from '#db/testing/usage-events.ts'
import type { Promotion } from '#shared/contracts/promotion.ts'
import type { UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import { nodePlatform } from '../testing/node-platform.ts'
import { expireGrants } from './expire-grants.ts'
import { grantPromotion } from './grant.ts'
import { listGrants } from './list-grants.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database?.stop())

const dayMs = 86_400_000
const silent = { refresh: async () => undefined, standing: () => Promise.reject(new Error('nobody asks')) }
const operator = () => nodePlatform(database.db, { getByName: () => silent })

async function give(organizationId: string, amountNanos: number, days: number): Promise<Promotion> {
  const given = await grantPromotion(operator(), organizationId, { amountNanos, days, reason: 'a gift', idempotencyKey: newId('crd') })
  if (given.outcome === 'refused') throw new Error(given.reason)
  return given.answer.promotion
}

const listed = (organizationId: string) => listGrants(database.db, organizationId, { beforeId: null, limit: 100 })

/** Nothing of it is bundled: each request is set against the grants when it is recorded. */
class Model {
  balance = 0
  grants: Promotion[] = []

  give(grant: Promotion): void {
    this.grants.push({ ...grant })
    this.balance += grant.amountNanos
  }

  spend(nanos: number): void {
    this.balance -= nanos
    const order = this.grants.toSorted((a, b) => a.expiresAt.localeCompare(b.expiresAt) || (a.grantId < b.grantId ? -1 : 1))
    for (const grant of order) {
      const taken = Math.min(grant.remainingNanos, nanos)
      grant.remainingNanos -= taken
      nanos -= taken
    }
  }

  expire(atMs: number): void {
    for (const grant of this.grants.filter(({ expiresAt }) => Date.parse(expiresAt) <= atMs)) {
      this.balance -= Math.min(grant.remainingNanos, Math.max(this.balance, 0))
      grant.remainingNanos = 0
    }
  }
}

const some = fc.integer({ min: 1, max: 6 })
const happening = fc.oneof(
  fc.record({ kind: fc.constant('give' as const), amountNanos: fc.integer({ min: 1, max: 100 }), days: some }),
  fc.record({ kind: fc.constant('spend' as const), costs: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 4 }) }),
  fc.record({ kind: fc.constant('expire' as const), days: fc.integer({ min: 1, max: 2 }) }),
  // As a payment or an operator does it, who may also take.
  fc.record({ kind: fc.constant('credit' as const), amountNanos: fc.integer({ min: -40, max: 40 }).filter((nanos) => nanos !== 0) }),
)

async function happen(organizationId: string, model: Model, today: number, each: Happening): Promise<void> {
  if (each.kind === 'give') model.give(await give(organizationId, each.amountNanos, today + each.days))
  else if (each.kind === 'spend') {
    const events = each.costs.map((costNanos) => settlementEvent({ costNanos }))
    await recordUsage(database.db, [{ organizationId, events }])
    for (const costNanos of each.costs) model.spend(costNanos)
  } else if (each.kind === 'credit') {
    const { amountNanos } = each
    const kind = amountNanos < 0 ? 'debit' : 'credit'
    await postEntry(database.db, { organizationId, amountNanos, kind, eventId: `credit:${newId('crd')}`, reason: null })
    model.balance += amountNanos
  } else {
    const endedBy = new Date(Date.now() + (today + each.days) * dayMs)
    await expireGrants(operator(), organizationId, endedBy)
    model.expire(endedBy.getTime())
  }
}
type Happening = typeof happening extends fc.Arbitrary<infer Value> ? Value : never

test('whatever is given, spent and taken back, it is as if each request had been set against the grants at once', async () => {
  const property = fc.asyncProperty(fc.array(happening, { minLength: 12, maxLength: 20 }), async (happenings) => {
    const [organizationId, model] = [await newCustomer(database.db), new Model()]
    let today = 0
    for (const each of happenings) {
      await happen(organizationId, model, today, each)
      if (each.kind === 'expire') today += each.days
      const found = await listed(organizationId)
      const remaining = model.grants.map(({ grantId, remainingNanos }) => `${grantId} ${remainingNanos}`)
      expect(found.map(({ id, remainingNanos }) => `${id} ${remainingNanos}`).sort()).toEqual(remaining.sort())
      expect((await readOrganization(database.db, organizationId))?.balanceNanos).toBe(model.balance)
    }
    expect(await reconcile(database.db, organizationId)).toEqual([])
  })
  await fc.assert(property, { numRuns: 5, endOnFailure: true })
})

test('what a customer has spent in all may exceed a safe integer, and its promotional credit is still exact', async () => {
  const organizationId = await newCustomer(database.db)
  await give(organizationId, 100, 5)
  const spent = { spentNanos: sql`9007199254740993`, grantsSpentNanos: sql`9007199254740990` }
  await database.db.update(organizations).set(spent).where(eq(organizations.id, organizationId))
  expect((await listed(organizationId))[0]?.remainingNanos).toBe(97)
  await give(organizationId, 5, 1)
  expect((await listed(organizationId)).map(({ remainingNanos }) => remainingNanos)).toEqual([5, 97])
  const { rows } = await database.pool.query('select grants_spent_nanos as set from organizations where id = $1', [organizationId])
  expect(rows).toEqual([{ set: '9007199254740993' }])
})

test('what was adjusted in favour of a customer is made up for by later spend', async () => {
  const organizationId = await newCustomer(database.db)
  const first = await give(organizationId, 100, 5)
  const left = async () => (await listed(organizationId)).find(({ id }) => id === first.grantId)?.remainingNanos
  const spend = (event: UsageEvent) => recordUsage(database.db, [{ organizationId, events: [event] }])
  const event = settlementEvent({ costNanos: 40 })
  await spend(event)
  await give(organizationId, 1, 9)
  await spend(adjustmentEvent({ requestId: event.request.requestId, costNanos: 10, amountNanos: 30 }))
  await give(organizationId, 1, 9)
  expect(await left()).toBe(60)
  await spend(settlementEvent({ costNanos: 30 }))
  expect(await left()).toBe(60)
  await spend(settlementEvent({ costNanos: 5 }))
  expect(await left()).toBe(55)
})
