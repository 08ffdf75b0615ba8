import { expect, test } from 'vitest'
import { ok, scriptedAdmin } from './testing/scripted-admin.ts'

const admin = scriptedAdmin()
const [key, secret] = ['sk_test_0123456789abcdef', 'whsec_0123456789abcdef']
const relay = (...parameters: string[]) => admin.relay(['stripe', ...parameters], `${key}\r\n${secret}\n`)

const settings = { minTopUpNanos: 5_000_000_000, maxTopUpNanos: 50_000_000_000, automaticTax: true, collectTaxIds: false, livemode: false }
const stored = { stripe: { ...settings, version: 1, updatedAt: '2026-11-24T12:00:00.000Z' } }
const finding = {
  id: 7,
  objectId: 'cs_x',
  reason: 'wrong_amount',
  organizationId: 'org_x',
  details: { expectedCents: 500, paidCents: 400 },
  foundAt: '2026-11-24T12:00:00.000Z',
  resolvedAt: null,
  resolvedBy: null,
  resolution: null,
}

test('set reads both keys from standard input, a line each, and prints them nowhere', async () => {
  admin.answers = [ok(stored)]
  const { code, out, err } = await relay('set', '--secret-key', '-', '--webhook-secret', '-', '--max-usd', '50', '--automatic-tax')
  const body = { maxTopUpNanos: 50_000_000_000, automaticTax: true, collectTaxIds: false, secretKey: key, webhookSecret: secret }
  expect(admin.sent).toEqual([{ path: 'PUT /stripe', body }])
  expect(out).toMatch(/mode +test\n[\s\S]*top-ups +\$5\.00 to \$50\.00\n/)
  expect(out + err).not.toMatch(/0123456789/)
  expect(code).toBe(0)
})

test('set leaves out what was not given, and does not guess what standard input lacks', async () => {
  admin.answers = [ok(stored)]
  await relay('set')
  expect(admin.sent[0]?.body).toEqual({ automaticTax: false, collectTaxIds: false })
  const { code, err } = await admin.relay(['stripe', 'set', '--secret-key', '-', '--webhook-secret', '-'], `${key}\n`)
  expect([code, admin.sent.length]).toEqual([1, 1])
  expect(err).toContain('fewer lines')
})

test('show says when Stripe is not set up', async () => {
  admin.answers = [ok({ stripe: null })]
  expect((await relay('show')).out).toContain('nobody can top up')
})

test.each([
  ['works', 0],
  ['refused', 1],
  ['unreachable', 1],
])('test: %s ends with %i', async (outcome, expectedCode) => {
  admin.answers = [ok({ outcome, answer: 'test mode' })]
  expect((await relay('test')).code).toBe(expectedCode)
})

test('findings end with 1 while one is open, and resolve notes what was decided', async () => {
  const resolved = { ...finding, resolvedAt: finding.foundAt, resolvedBy: 'ada', resolution: 'credited by hand' }
  admin.answers = [ok({ findings: [finding], next: null }), ok({ findings: [resolved], next: null }), ok(resolved)]
  const open = await relay('findings')
  expect(open.out).toMatch(/7 .*wrong_amount.*cs_x.*expectedCents=500 paidCents=400/)
  expect([open.code, (await relay('findings', '--all')).code]).toEqual([1, 0])
  expect((await relay('resolve', '7', '--note', 'credited by hand')).out).toContain('credited by hand (ada)')
  expect(admin.sent).toEqual([
    { path: 'GET /stripe/findings?all=false', body: undefined },
    { path: 'GET /stripe/findings?all=true', body: undefined },
    { path: 'POST /stripe/findings/7/resolve', body: { note: 'credited by hand' } },
  ])
})
