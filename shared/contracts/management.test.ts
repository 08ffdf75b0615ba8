import { describe, test } from 'vitest'
import { NewCredit } from './credit.ts'
import { CustomerLimitsChange, NewCustomer } from './customer.ts'
import { CustomerKey, NewCustomerKey } from './customer-key.ts'
import { NewReconciliation } from './reconciliation.ts'
import { UsagePeriod } from './usage-report.ts'

const credit = { amountNanos: 1, reason: 'gift', idempotencyKey: 'k' }

describe('management bodies', () => {
  test('a field nobody knows is refused at every depth', ({ expect }) => {
    const wrong = [
      NewCustomer.safeParse({ creditNano: 1 }),
      NewCustomer.safeParse({ limits: { requestPerMinute: 1 } }),
      CustomerLimitsChange.safeParse({ limits: {}, overdraft: 1 }),
      NewCustomerKey.safeParse({ model: ['a'] }),
      NewCustomerKey.safeParse({ limits: { rpm: 1 } }),
      NewCredit.safeParse({ ...credit, kind: 'settlement' }),
      NewReconciliation.safeParse({ organization: 'org_a' }),
      UsagePeriod.safeParse({ since: '2026-01-01' }),
    ]
    expect(wrong.map((result) => result.success)).toEqual(wrong.map(() => false))
  })

  test('money is whole, in range, and never text', ({ expect }) => {
    for (const amountNanos of [0.5, 0, '1', 4_500_000_000_000_001, Number.NaN, null]) {
      expect([amountNanos, NewCredit.safeParse({ ...credit, amountNanos }).success]).toEqual([amountNanos, false])
    }
    for (const creditNanos of [-1, 0.1, '1']) {
      expect(NewCustomer.safeParse({ creditNanos }).success).toBe(false)
      expect(NewCustomer.safeParse({ lowBalanceNanos: creditNanos }).success).toBe(false)
      expect(NewCustomerKey.safeParse({ limits: { spendPerDayNanos: creditNanos } }).success).toBe(false)
    }
    expect(NewCredit.parse({ ...credit, amountNanos: -4_500_000_000_000_000 }).amountNanos).toBe(-4_500_000_000_000_000)
  })

  test('names, reasons and idempotency keys are printable and bounded', ({ expect }) => {
    for (const name of ['', '  ', 'a\u0000', 'a\ud800', 'a\u001b[2J', 'a\u202eb', 'x'.repeat(121)])
      expect(NewCustomer.safeParse({ name }).success).toBe(false)
    expect(NewCustomer.parse({ name: ' Ångström & Söhne 東京 ' }).name).toBe('Ångström & Söhne 東京')
    for (const reason of ['', 'ab', 'a\nb c', 'x'.repeat(501)]) expect(NewCredit.safeParse({ ...credit, reason }).success).toBe(false)
    for (const idempotencyKey of ['', 'a b', 'a/b', 'x'.repeat(129)])
      expect(NewCredit.safeParse({ ...credit, idempotencyKey }).success).toBe(false)
  })

  test('a key that may use no model cannot be asked for by accident', ({ expect }) => {
    expect(NewCustomerKey.safeParse({ allowedModels: [] }).success).toBe(false)
    expect(NewCustomerKey.safeParse({ allowedModels: ['a\u0000'] }).success).toBe(false)
    for (const expiresAt of ['tomorrow', '2027-02-30T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59-23:59'])
      expect(NewCustomerKey.safeParse({ expiresAt }).success).toBe(false)
    for (const allowedIps of [[], [''], ['203.0.113.7/24'], Array.from({ length: 51 }, () => '203.0.113.7')])
      expect(NewCustomerKey.safeParse({ allowedIps }).success).toBe(false)
  })
})

test('an answer drops what its contract does not name', ({ expect }) => {
  const key = { keyId: 'key_a', name: 'a', redactedKey: 'r', limits: {}, allowedModels: null, allowedIps: null, createdBy: null }
  const ends = { expiresAt: null, revokedAt: null }
  const parsed = CustomerKey.parse({ ...key, ...ends, createdAt: '2026-01-01T00:00:00.000Z', keyHash: 'secret' })
  expect(parsed).not.toHaveProperty('keyHash')
})
