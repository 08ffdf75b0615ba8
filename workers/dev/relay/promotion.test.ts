import { expect, test } from 'vitest'
import { NewPromotion } from '#shared/contracts/promotion.ts'
import { ok, scriptedAdmin } from './testing/scripted-admin.ts'

const admin = scriptedAdmin()
const relay = (...parameters: string[]) => admin.relay(['promotion', ...parameters])

const createdAt = '2026-11-24T12:00:00.000Z'
const welcome = {
  code: 'WELCOME',
  amountNanos: 5_000_000_000,
  creditDays: 30,
  maxRedemptions: 100,
  redemptions: 7,
  expiresAt: null,
  disabledAt: null,
  createdBy: 'operator.access',
  createdAt,
}
const promotion = {
  grantId: 'grn_1',
  amountNanos: 5_000_000_000,
  remainingNanos: 1_250_000_000,
  reason: 'sorry',
  expiresAt: '2026-12-24T12:00:00.000Z',
  expired: false,
  createdAt,
  code: null,
  createdBy: 'operator.access',
}

test('create sends what was asked for, and leaves out what was not', async () => {
  admin.answers = [ok(welcome), ok(welcome)]
  const most = ['create', '--code', 'WELCOME', '--usd', '5', '--days', '30', '--max', '100', '--until', '2999-12-31']
  expect(await relay(...most)).toMatchObject({ code: 0, out: expect.stringMatching(/WELCOME +\$5\.00 +30 +7 of 100 +no end +no/) })
  await relay('create', '--code', 'WELCOME', '--usd', '5', '--days', '30')
  const least = { code: 'WELCOME', amountNanos: 5_000_000_000, creditDays: 30 }
  expect(admin.sent).toEqual([
    { path: 'POST /promotion-codes', body: { ...least, maxRedemptions: 100, expiresAt: '2999-12-31T00:00:00.000Z' } },
    { path: 'POST /promotion-codes', body: least },
  ])
})

test.each([
  ['--usd', '-5'],
  ['--usd', 'five'],
  ['--days', '0'],
  ['--days', '1.5'],
  ['--max', 'many'],
  ['--until', '2001-01-01'],
])('create %s %s is a wrong call, and sends nothing', async (option, value) => {
  const { code } = await relay('create', '--code', 'WELCOME', '--usd', '5', '--days', '30', option, value)
  expect([code, admin.sent]).toEqual([2, []])
})

test('list reads every page', async () => {
  admin.answers = [ok({ codes: [welcome], next: 'WELCOME' }), ok({ codes: [{ ...welcome, code: 'XMAS' }], next: null })]
  expect((await relay('list')).out).toMatch(/WELCOME.*\n.*XMAS/)
  expect(admin.sent.map(({ path }) => path)).toEqual(['GET /promotion-codes', 'GET /promotion-codes?after=WELCOME'])
})

test('disable names the code, however it is typed, and how often it was redeemed', async () => {
  admin.answers = [ok({ ...welcome, disabledAt: createdAt })]
  expect((await relay('disable', 'a/b')).out).toContain('redeemed 7 times')
  expect(admin.sent).toEqual([{ path: 'POST /promotion-codes/a%2Fb/disable', body: undefined }])
})

test('grant says what was given, and when its answer is lost, by which key it can be asked for again', async () => {
  const answer = { promotion, balanceNanos: 6_000_000_000, replayed: false, pushed: true }
  admin.answers = [ok(answer), ok({ ...answer, replayed: true })]
  const grant = (...more: string[]) => relay('grant', 'org_a', '--usd', '5', '--days', '30', '--reason', 'sorry', ...more)
  expect((await grant('--idempotency-key', 'ticket-12')).out).toContain('$5.00 given until 2026-12-24T12:00:00.000Z as grn_1')
  const body = { amountNanos: 5_000_000_000, days: 30, reason: 'sorry', idempotencyKey: 'ticket-12' }
  expect(admin.sent).toEqual([{ path: 'POST /customers/org_a/promotions', body }])
  expect((await grant('--idempotency-key', 'ticket-12')).out).toContain('nothing was given now')
  const lost = await grant()
  expect([lost.code, lost.err]).toEqual([1, expect.stringMatching(/--idempotency-key crd_\w+/)])
  expect(lost.err).toContain(NewPromotion.parse(admin.sent.at(-1)?.body).idempotencyKey)
})

test('grants shows what is left, and how to go on', async () => {
  admin.answers = [ok({ promotions: [promotion], next: 'grn_1' })]
  const { out } = await relay('grants', 'org_a', '--before', 'grn_2')
  expect(out).toMatch(/grn_1 +\$5\.00 +\$1\.25 /)
  expect(out).toContain('promotion grants org_a --before grn_1')
  expect(admin.sent[0]?.path).toBe('GET /customers/org_a/promotions?before=grn_2')
})
