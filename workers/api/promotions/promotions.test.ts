import { eq, inArray } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { postEntry } from '#db/queries/post-entry.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { creditGrants, organizations, promotionCodes } from '#db/schema/index.ts'
import { settlementEvent } from '#db/testing/usage-events.ts'
import { Balance, type LedgerEntry } from '#shared/contracts/api/billing.ts'
import { type NewPromotionCode, Promotion } from '#shared/contracts/promotion.ts'
import { newId } from '#shared/values/id.ts'
import { maxAmountNanos } from '#shared/values/money.ts'
import { createCode } from '#workers/services/promotions/create-code.ts'
import { disableCode } from '#workers/services/promotions/disable-code.ts'
import { grantPromotion } from '#workers/services/promotions/grant.ts'
import { nodePlatform } from '#workers/services/testing/node-platform.ts'
import { expirePromotions } from '../crons/expire-promotions.ts'
import { grantGraceMs } from '../crons/limits.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { atOnce } from '../testing/at-once.ts'
import { auditOf } from '../testing/audit-of.ts'
import { addManagementKey } from '../testing/callers.ts'
import { type Answer, type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
let owner: TestPerson
beforeAll(async () => {
  stage = await setStage()
  owner = await stage.person()
})
afterAll(() => stage?.stop())

const dayMs = 86_400_000
const operator = () => nodePlatform(stage.db, stage.surroundings.ledger)
const organization = () => stage.organization([[owner, 'owner']])

const path = (organizationId: string, rest = '') => `/api/organizations/${organizationId}/billing/promotions${rest}`
let addresses = 0
/** From an address of its own, unless one is given. */
function redeem(organizationId: string, code: string, { ip, key, as = owner }: { ip?: string; key?: string; as?: TestPerson } = {}) {
  const headers = { 'cf-connecting-ip': ip ?? `198.51.100.${addresses++}`, ...(key !== undefined && { 'idempotency-key': key }) }
  return stage.call('POST', path(organizationId, '/redeem'), { cookie: as.cookie, body: { code }, headers })
}

async function newCode(more: Partial<NewPromotionCode> = {}): Promise<string> {
  const code = `CODE-${newId('grn').slice(-12).toUpperCase()}`
  await createCode(operator(), { code, amountNanos: 500, creditDays: 30, ...more })
  return code
}

async function give(organizationId: string, amountNanos: number, days: number): Promise<Promotion> {
  const given = await grantPromotion(operator(), organizationId, { amountNanos, days, reason: 'a gift', idempotencyKey: newId('crd') })
  if (given.outcome === 'refused') throw new Error(given.reason)
  return given.answer.promotion
}

const credit = (organizationId: string, amountNanos: number) =>
  postEntry(stage.db, {
    organizationId,
    amountNanos,
    kind: amountNanos < 0 ? 'debit' : 'credit',
    eventId: `credit:${newId('crd')}`,
    reason: null,
  })

const spend = (organizationId: string, costNanos: number) =>
  recordUsage(stage.db, [{ organizationId, events: [settlementEvent({ costNanos })] }])

async function listed(organizationId: string): Promise<Promotion[]> {
  const { json } = await stage.call('GET', path(organizationId), { cookie: owner.cookie })
  return (json as { data: Promotion[] }).data
}

async function balanceOf(organizationId: string): Promise<Balance> {
  return Balance.parse((await stage.call('GET', `/api/organizations/${organizationId}/balance`, { cookie: owner.cookie })).json)
}

async function entriesOf(organizationId: string): Promise<LedgerEntry[]> {
  const { json } = await stage.call('GET', `/api/organizations/${organizationId}/ledger-entries?limit=200`, { cookie: owner.cookie })
  return (json as { data: LedgerEntry[] }).data
}

/** As the cron does it so many days from now, when the time for late requests is over too. */
const expire = (days: number) => expirePromotions(stage.surroundings, Date.now() + days * dayMs + grantGraceMs)

describe('a code', () => {
  test('gives credit that ends, says why in the ledger, and is told to the ledger object and in the audit log', async () => {
    const code = await newCode()
    const organizationId = await organization()
    const answer = await redeem(organizationId, `  ${code.toLowerCase()} `)
    expect(answer).toMatchObject({ status: 201, json: { amountNanos: 500, remainingNanos: 500, expired: false, reason: `Code ${code}` } })
    const { grantId, expiresAt } = Promotion.parse(answer.json)
    expect(Math.abs(Date.parse(expiresAt) - Date.now() - 30 * dayMs)).toBeLessThan(60_000)
    expect(await listed(organizationId)).toEqual([answer.json])
    expect(await entriesOf(organizationId)).toMatchObject([
      { kind: 'credit', amountNanos: 500, cause: { type: 'promotion', grantId }, requestId: null },
    ])
    expect(stage.ledger.pushed.at(-1)).toMatchObject({ organizationId, balanceNanos: 500 })
    const after = { amountNanos: 500, reason: `Code ${code}`, code, balanceNanos: 500 }
    expect(await auditOf(stage, organizationId)).toMatchObject([
      { actor: owner.userId, action: 'promotion.granted', target: grantId, before: null, after },
    ])
  })

  test('is redeemed once by an organization, also when it is sent twice at once, and its key gives the same answer again', async () => {
    const [code, organizationId, key] = [await newCode(), await organization(), newId('crd')]
    const twice = await atOnce(stage, { table: 'organizations', id: organizationId }, [
      () => redeem(organizationId, code),
      () => redeem(organizationId, code),
    ])
    expect(twice.map(({ status }) => status).sort()).toEqual([201, 409])
    const other = await organization()
    const first = await redeem(other, code, { key })
    expect(await redeem(other, code, { key })).toMatchObject({ status: 201, json: first.json })
    expect([(await balanceOf(organizationId)).balanceNanos, (await balanceOf(other)).balanceNanos]).toEqual([500, 500])
    expect(await codeRow(code)).toMatchObject({ redemptions: 2 })
  })

  test('is redeemed as often as it may be when fifty organizations do so at once', async () => {
    const code = await newCode({ maxRedemptions: 7 })
    const ids = await Promise.all(Array.from({ length: 50 }, organization))
    const answers = await Promise.all(ids.map((id) => redeem(id, code)))
    const statuses = answers.map(({ status }) => status)
    expect([statuses.filter((status) => status === 201).length, statuses.filter((status) => status === 404).length]).toEqual([7, 43])
    const given = await stage.db.select().from(creditGrants).where(eq(creditGrants.code, code))
    expect([given.length, (await codeRow(code))?.redemptions]).toEqual([7, 7])
    const balances = await stage.db.select({ nanos: organizations.balanceNanos }).from(organizations).where(inArray(organizations.id, ids))
    expect(balances.reduce((sum, { nanos }) => sum + nanos, 0)).toBe(7 * 500)
  })

  test('that is unknown, over, disabled or used up is told apart by nobody, and one that was redeemed is a conflict', async () => {
    const [over, disabled, usedUp] = [await newCode(), await newCode(), await newCode({ maxRedemptions: 1 })]
    await stage.db
      .update(promotionCodes)
      .set({ expiresAt: new Date(Date.now() - 1) })
      .where(eq(promotionCodes.code, over))
    await disableCode(operator(), disabled)
    const first = await organization()
    expect((await redeem(first, usedUp)).status).toBe(201)
    const organizationId = await organization()
    const told = async (code: string) => {
      const { status, json } = await redeem(organizationId, code)
      return { status, ...(json as object), requestId: null }
    }
    const unknown = await told('NEVER-MADE')
    expect(unknown).toMatchObject({ status: 404, code: 'not_found', detail: expect.stringContaining('ask whoever gave it') })
    for (const code of [over, disabled, usedUp]) expect(await told(code)).toEqual(unknown)
    expect(await redeem(first, usedUp)).toMatchObject({ status: 409, json: { code: 'conflict' } })
    expect([await entriesOf(organizationId), await auditOf(stage, organizationId)]).toEqual([[], []])
    for (const code of ['ABC', 'A'.repeat(41), 'WITH SPACE', 'UNDER_SCORE', 'NUL\u0000NUL', '\ud800AAAA', 'ÄÖÜß', ''])
      expect([code, (await told(code)).status]).toEqual([code, 400])
  })

  test('is guessed ten times an hour by an organization and thirty times from an address, and no more', async () => {
    const [code, organizationId] = [await newCode(), await organization()]
    const ip = '203.0.113.99'
    const attempt = (who: { ip: string; account: string }) => limitAttempts(stage.surroundings.redis, 'promotion_code', who)
    await Promise.all(Array.from({ length: 9 }, () => attempt({ ip: '203.0.113.98', account: organizationId })))
    expect((await redeem(organizationId, 'GUESS')).status).toBe(404)
    const refused = await redeem(organizationId, code)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)])
    await Promise.all(Array.from({ length: 29 }, (_, index) => attempt({ ip, account: `org_${index}` })))
    const other = await organization()
    expect((await redeem(other, 'GUESS', { ip })).status).toBe(404)
    expect((await redeem(other, code, { ip })).status).toBe(429)
    expect((await redeem(other, code)).status).toBe(201)
  })

  test('is for those who pay, their keys too, and its credit is seen by those who see the ledger', async () => {
    const roles = ['owner', 'admin', 'billing_admin', 'developer', 'viewer'] as const
    const people = await Promise.all(roles.map(async (role) => [await stage.person(), role] as const))
    const organizationId = await stage.organization(people.map(([person, role]) => [person, role]))
    const statuses = async (ask: (person: TestPerson) => Promise<Answer>) =>
      Promise.all([...people.map(([person]) => person), owner].map(async (person) => (await ask(person)).status))
    expect(await statuses((as) => redeem(organizationId, 'UNKNOWN', { as }))).toEqual([404, 404, 404, 403, 403, 404])
    expect(await statuses(({ cookie }) => stage.call('GET', path(organizationId), { cookie }))).toEqual([200, 200, 200, 403, 403, 404])
    const { secret } = await addManagementKey(stage, organizationId, 'billing_admin')
    const byKey = await stage.call('POST', path(organizationId, '/redeem'), { bearer: secret, body: { code: await newCode() } })
    expect(byKey.status).toBe(201)
  })

  test('that would take the balance out of its range gives nothing, and can be redeemed later', async () => {
    const [code, organizationId] = [await newCode({ maxRedemptions: 1 }), await organization()]
    await credit(organizationId, maxAmountNanos - 499)
    expect(await redeem(organizationId, code)).toMatchObject({ status: 422, json: { code: 'amount_out_of_range' } })
    expect(await listed(organizationId)).toEqual([])
    await credit(organizationId, -1)
    expect((await redeem(organizationId, code)).status).toBe(201)
  })
})

async function codeRow(code: string) {
  const [row] = await stage.db.select().from(promotionCodes).where(eq(promotionCodes.code, code))
  return row
}

describe('promotional credit', () => {
  const left = async (organizationId: string) => (await listed(organizationId)).map(({ remainingNanos }) => remainingNanos)

  test('is spent before paid credit, that which ends first before the rest, and by nothing that was settled before it was given', async () => {
    const organizationId = await organization()
    await credit(organizationId, 1_000)
    await spend(organizationId, 70)
    await give(organizationId, 100, 9)
    await give(organizationId, 50, 3)
    expect(await left(organizationId)).toEqual([50, 100])
    await spend(organizationId, 60)
    expect(await left(organizationId)).toEqual([0, 90])
    expect(await balanceOf(organizationId)).toMatchObject({ balanceNanos: 1_020, promotionalNanos: 90 })
    await give(organizationId, 30, 1)
    expect(await left(organizationId)).toEqual([30, 0, 90])
    await spend(organizationId, 121)
    expect(await left(organizationId)).toEqual([0, 0, 0])
    expect(await balanceOf(organizationId)).toMatchObject({ balanceNanos: 929, promotionalNanos: 0 })
  })

  test('is taken back once when its time is over, also by three runs at once, and what was paid for stays', async () => {
    const organizationId = await organization()
    await credit(organizationId, 1_000)
    const { grantId } = await give(organizationId, 100, 2)
    await give(organizationId, 40, 8)
    await spend(organizationId, 30)
    // Requests that ran until its end may still come: it is over, and still there.
    expect(await expirePromotions(stage.surroundings, Date.now() + 2 * dayMs)).toMatchObject({ failed: 0 })
    expect(await left(organizationId)).toEqual([40, 70])
    const runs = await Promise.all([expire(2), expire(2), expire(2)])
    expect(runs.reduce((sum, { failed }) => sum + failed, 0)).toBe(0)
    expect(await balanceOf(organizationId)).toMatchObject({ balanceNanos: 1_040, promotionalNanos: 40 })
    expect(await left(organizationId)).toEqual([40, 0])
    const [newest, ...others] = await entriesOf(organizationId)
    expect(newest).toMatchObject({ kind: 'debit', amountNanos: -70, cause: { type: 'promotion_expired', grantId } })
    expect(others.map(({ cause }) => cause.type)).toEqual(['request', 'promotion', 'promotion', 'operator'])
    expect((await auditOf(stage, organizationId)).at(-1)).toMatchObject({
      actor: 'promotions',
      action: 'promotion.expired',
      target: grantId,
      before: { remainingNanos: 70 },
      after: { takenNanos: 70 },
    })
    expect(stage.ledger.pushed.at(-1)).toMatchObject({ organizationId, balanceNanos: 1_040 })
  })

  test('of which nothing is left, or nothing of the balance, ends without an entry, and never takes a balance below zero', async () => {
    const [spent, poor, poorer] = [await organization(), await organization(), await organization()]
    await give(spent, 10, 1)
    await spend(spent, 10)
    // Two that end: what the first takes is not there for the second.
    await give(poor, 20, 1)
    await give(poor, 30, 1)
    await credit(poor, -20)
    await give(poorer, 50, 1)
    await credit(poorer, -60)
    await expire(1)
    const newest = async (id: string) => (await entriesOf(id))[0]
    expect(await newest(spent)).toMatchObject({ cause: { type: 'request' } })
    const taken = (await entriesOf(poor)).filter(({ cause }) => cause.type === 'promotion_expired')
    expect(taken.map(({ amountNanos }) => amountNanos)).toEqual([-10, -20])
    expect(await newest(poorer)).toMatchObject({ amountNanos: -60, cause: { type: 'operator' } })
    expect([(await balanceOf(poor)).balanceNanos, (await balanceOf(poorer)).balanceNanos]).toEqual([0, -10])
    const ended = await stage.db
      .select()
      .from(creditGrants)
      .where(inArray(creditGrants.organizationId, [spent, poor, poorer]))
    expect(ended.map(({ expiredAt, remainingNanos }) => [expiredAt === null, remainingNanos])).toEqual(Array(4).fill([false, 0]))
    const [shown] = await listed(poor)
    expect(shown).toMatchObject({ remainingNanos: 0 })
  })

  test('that cannot be taken back from one customer is taken back from the others', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const ids = [await organization(), await organization()].sort()
    const [broken = '', well = ''] = ids
    for (const id of ids) await give(id, 10, 1)
    // The entry that its expiry would make is there already.
    const [grant] = await stage.db.select().from(creditGrants).where(eq(creditGrants.organizationId, broken))
    await postEntry(stage.db, {
      organizationId: broken,
      amountNanos: 1,
      kind: 'credit',
      eventId: `promotion_expired:${grant?.id}`,
      reason: null,
    })
    expect(await expire(1)).toMatchObject({ failed: 1 })
    expect(error.mock.calls.flat().join()).toContain(`"promotion_not_expired","organizationId":"${broken}"`)
    expect([await left(broken), await left(well)]).toEqual([[10], [0]])
    await stage.db.update(creditGrants).set({ expiredAt: new Date() }).where(eq(creditGrants.organizationId, broken))
  })

  test('is listed page by page, and by a cursor of no other list', async () => {
    const [organizationId, other] = [await organization(), await organization()]
    for (const amountNanos of [1, 2, 3]) await give(organizationId, amountNanos, 5)
    const page = (id: string, query: string) => stage.call('GET', path(id, `?${query}`), { cookie: owner.cookie })
    const first = await page(organizationId, 'limit=2')
    const { next, data } = first.json as { next: string; data: Promotion[] }
    const second = await page(organizationId, `limit=2&cursor=${next}`)
    expect([...data, ...(second.json as { data: Promotion[] }).data].map(({ amountNanos }) => amountNanos).sort()).toEqual([1, 2, 3])
    expect(second.json).toMatchObject({ next: null })
    expect((await page(other, `cursor=${next}`)).status).toBe(400)
  })
})
