import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { recordUsage } from '#db/queries/record-usage.ts'
import { auditLog, creditGrants, ledgerEntries } from '#db/schema/index.ts'
import { newCustomer, settlementEvent } from '#db/testing/usage-events.ts'
import { PromotionAnswer, PromotionCode, PromotionCodeList, PromotionList } from '#shared/contracts/promotion.ts'
import { newId } from '#shared/values/id.ts'
import { type Stage, setStage } from './testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())

const welcome = { code: 'welcome', amountNanos: 5_000, creditDays: 30 }
const auditOf = (chain: string) => stage.database.db.select().from(auditLog).where(eq(auditLog.chain, chain)).orderBy(auditLog.seq)

test('a code is made once, listed, and disabled for good, each told in the audit log', async () => {
  const until = '2999-01-01T00:00:00+01:00'
  const created = await stage.call('POST', '/promotion-codes', { ...welcome, maxRedemptions: 3, expiresAt: until })
  expect(created).toMatchObject({
    status: 201,
    json: { code: 'WELCOME', amountNanos: 5_000, creditDays: 30, maxRedemptions: 3, redemptions: 0, disabledAt: null },
  })
  expect(PromotionCode.parse(created.json)).toMatchObject({ expiresAt: '2998-12-31T23:00:00.000Z', createdBy: 'operator.access' })
  expect(await stage.call('POST', '/promotion-codes', { ...welcome, amountNanos: 1 })).toMatchObject({ status: 409 })
  const disable = () => stage.call('POST', '/promotion-codes/welcome/disable')
  const disabled = await disable()
  expect(disabled).toMatchObject({ status: 200, json: { code: 'WELCOME', disabledAt: expect.any(String) } })
  expect((await disable()).json).toEqual(disabled.json)
  expect((await stage.call('POST', '/promotion-codes/NEVER-MADE/disable')).status).toBe(404)
  expect(PromotionCodeList.parse((await stage.call('GET', '/promotion-codes')).json)).toEqual({ codes: [disabled.json], next: null })
  expect(await auditOf('platform')).toMatchObject([
    { action: 'promotion_code.created', targetId: 'WELCOME', actorId: 'operator.access', after: { amountNanos: 5_000, maxRedemptions: 3 } },
    { action: 'promotion_code.disabled', targetId: 'WELCOME', before: { redemptions: 0 } },
  ])
})

test('codes are listed a page at a time', async () => {
  await stage.database.pool.query(`insert into promotion_codes (code, amount_nanos, credit_days, created_by)
    select 'PAGE-' || n, 1, 1, 'x' from generate_series(100, 220) n`)
  const first = PromotionCodeList.parse((await stage.call('GET', '/promotion-codes')).json)
  const second = PromotionCodeList.parse((await stage.call('GET', `/promotion-codes?after=${first.next}`)).json)
  const codes = [...first.codes, ...second.codes].map(({ code }) => code)
  expect([first.codes.length, second.next, codes.filter((code) => code.startsWith('PAGE-')).length]).toEqual([100, null, 121])
  expect(codes).toEqual([...new Set(codes)].sort())
})

test('a grant lands once under its idempotency key, says what is left of it, and its key stands for no other', async () => {
  const organizationId = await newCustomer(stage.database.db)
  const other = await newCustomer(stage.database.db)
  const body = { amountNanos: 900, days: 10, reason: 'sorry for the outage', idempotencyKey: newId('crd') }
  const grant = (more: object = {}, id = organizationId) => stage.call('POST', `/customers/${id}/promotions`, { ...body, ...more })
  // One of them waits for the other, and gives nothing.
  const both = (await Promise.all([grant(), grant()])).map(({ json }) => PromotionAnswer.parse(json))
  expect(both.map(({ replayed }) => replayed).sort()).toEqual([false, true])
  const grantId = both[0]?.promotion.grantId ?? ''
  expect(both).toMatchObject(Array(2).fill({ balanceNanos: 900, pushed: true, promotion: { grantId, amountNanos: 900, expired: false } }))
  await recordUsage(stage.database.db, [{ organizationId, events: [settlementEvent({ costNanos: 300 })] }])
  expect((await grant()).json).toMatchObject({ replayed: true, balanceNanos: 600, promotion: { grantId, remainingNanos: 600 } })
  for (const refused of [await grant({ amountNanos: 901 }), await grant({ days: 11 }), await grant({}, other)])
    expect(refused).toMatchObject({ status: 409, json: { code: 'conflict' } })
  expect((await grant({}, 'org_nobody')).status).toBe(404)
  const list = PromotionList.parse((await stage.call('GET', `/customers/${organizationId}/promotions`)).json)
  const shown = { grantId, reason: body.reason, remainingNanos: 600, code: null, createdBy: 'operator.access' }
  expect(list).toMatchObject({ promotions: [shown], next: null })
  expect((await stage.call('GET', `/customers/${organizationId}/promotions?before=${grantId}`)).json).toEqual({
    promotions: [],
    next: null,
  })
  expect((await stage.call('GET', '/customers/org_nobody/promotions')).status).toBe(404)
  const posted = await stage.database.db
    .select()
    .from(ledgerEntries)
    .where(eq(ledgerEntries.eventId, `promotion:${grantId}`))
  expect(posted).toMatchObject([{ organizationId, amountNanos: 900, kind: 'credit', reason: 'sorry for the outage (operator.access)' }])
  expect(await auditOf(organizationId)).toMatchObject([
    { action: 'promotion.granted', targetId: grantId, actorType: 'operator', after: { idempotencyKey: body.idempotencyKey } },
  ])
  expect(await stage.database.db.select().from(creditGrants).where(eq(creditGrants.organizationId, other))).toEqual([])
})

test.each([
  ['/promotion-codes', { ...welcome, code: 'ABC' }],
  ['/promotion-codes', { ...welcome, code: 'A B C D' }],
  ['/promotion-codes', { ...welcome, amountNanos: 0 }],
  ['/promotion-codes', { ...welcome, amountNanos: 4_500_000_000_000_001 }],
  ['/promotion-codes', { ...welcome, creditDays: 3_651 }],
  ['/promotion-codes', { ...welcome, maxRedemptions: 0 }],
  ['/promotion-codes', { ...welcome, maxRedemptions: 2 ** 31 }],
  ['/promotion-codes', { ...welcome, expiresAt: 'tomorrow' }],
  ['/promotion-codes', { ...welcome, redemptions: -5 }],
  ['/customers/org_a/promotions', { amountNanos: -1, days: 1, reason: 'taken', idempotencyKey: 'a' }],
  ['/customers/org_a/promotions', { amountNanos: 1, days: 0, reason: 'given', idempotencyKey: 'a' }],
  ['/customers/org_a/promotions', { amountNanos: 1, days: 1, reason: 'a\u0000b', idempotencyKey: 'a' }],
  ['/customers/org_a/promotions', { amountNanos: 1, days: 1, reason: 'given' }],
])('what cannot be meant is refused: %s %j', async (path, wrong) => {
  const answer = await stage.call('POST', path, wrong)
  expect([answer.status, z.object({ code: z.string() }).parse(answer.json).code]).toEqual([400, 'invalid_request'])
})
