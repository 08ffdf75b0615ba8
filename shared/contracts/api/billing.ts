import { z } from 'zod'
import { Nanos, SignedNanos } from '../../values/money.ts'
import { LowBalance } from '../customer.ts'
import { CustomerEvent } from '../events/customer-event.ts'
import { LedgerCause } from './ledger-cause.ts'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'

const root = '/api/organizations/:organizationId'

/** Money in nano-dollars. Redacted: `state` alone, and every amount null. */
export const Balance = z.object({
  /** `low`: below what the organization chose; `exhausted`: hardly any request fits what is left. */
  state: z.enum(['ok', 'low', 'exhausted']),
  balanceNanos: SignedNanos.nullable(),
  /** What of the balance is promotional credit now, which ends and is spent before the rest. */
  promotionalNanos: Nanos.nullable(),
  /** How far the balance may fall below zero. */
  overdraftNanos: Nanos.nullable(),
  lowBalanceNanos: LowBalance,
  /** What running requests hold, what is spent and not booked yet, and what is left for new requests; null also while that cannot be asked. */
  heldNanos: z.int().nullable(),
  unconfirmedNanos: z.int().nullable(),
  availableNanos: z.int().nullable(),
})
export type Balance = z.infer<typeof Balance>

export const LedgerEntryKind = z.enum(['credit', 'debit', 'settlement', 'adjustment'])

/** One movement of the balance, and why it moved. `requestId` names the request that was settled or adjusted. */
export const LedgerEntry = z.object({
  entryId: z.int(),
  kind: LedgerEntryKind,
  /** Credits are positive, spend is negative. */
  amountNanos: SignedNanos,
  cause: LedgerCause,
  requestId: z.string().nullable(),
  createdAt: z.iso.datetime(),
})
export type LedgerEntry = z.infer<typeof LedgerEntry>

const kind = LedgerEntryKind.options.join('|')

const LedgerQuery = PageQuery.extend({
  /** Such as `credit,debit`; absent: all kinds. */
  kinds: z
    .string()
    .max(100)
    .regex(new RegExp(`^(${kind})(,(${kind}))*$`), `must be some of ${LedgerEntryKind.options.join(', ')}, divided by commas`)
    .transform((text) => text.split(','))
    .pipe(z.array(LedgerEntryKind))
    .optional(),
})

/** Null does not cap; zero lets nothing be spent. */
const Cap = Nanos.nullable()

export const SpendCaps = z.strictObject({
  /** Of a UTC day, and of a UTC month. */
  spendPerDayNanos: Cap,
  spendPerMonthNanos: Cap,
})
export type SpendCaps = z.infer<typeof SpendCaps>

/** Redacted: that there is a cap, and not which. */
const ShownSpendCaps = z.object({ isCapped: z.boolean(), spendPerDayNanos: Cap, spendPerMonthNanos: Cap })

export const NewSpendAlert = z.strictObject({ period: z.enum(['day', 'month']), amountNanos: Nanos.min(1) })
export type NewSpendAlert = z.infer<typeof NewSpendAlert>

/** A sum at which a mail is sent, once in each UTC day or month. */
export const SpendAlert = z.object({ alertId: z.string(), ...NewSpendAlert.shape, createdAt: z.iso.datetime() })
export type SpendAlert = z.infer<typeof SpendAlert>

export const billingOperations = {
  readBalance: operation({
    id: 'balance.read',
    method: 'GET',
    path: `${root}/balance`,
    access: 'balance.read',
    summary: 'The balance of an organization',
    answer: Balance,
  }),
  listEntries: operation({
    id: 'ledger.list',
    method: 'GET',
    path: `${root}/ledger-entries`,
    access: 'ledger.read',
    summary: 'Every movement of the balance, the newest first',
    query: LedgerQuery,
    answer: pageOf(LedgerEntry),
  }),
  listEvents: operation({
    id: 'events.list',
    method: 'GET',
    path: `${root}/events`,
    access: 'ledger.read',
    summary: 'What the organization was told of its balance and its provider credentials, the newest first',
    query: PageQuery,
    answer: pageOf(CustomerEvent),
  }),
  readCaps: operation({
    id: 'spend_caps.read',
    method: 'GET',
    path: `${root}/spend-caps`,
    access: 'balance.read',
    summary: 'The most that may be spent in a day and in a month',
    answer: ShownSpendCaps,
  }),
  replaceCaps: operation({
    id: 'spend_caps.replace',
    method: 'PUT',
    path: `${root}/spend-caps`,
    access: 'spend.change',
    summary: 'Sets the most that may be spent in a day and in a month',
    body: SpendCaps,
    answer: ShownSpendCaps,
  }),
  listAlerts: operation({
    id: 'spend_alerts.list',
    method: 'GET',
    path: `${root}/spend-alerts`,
    access: 'spend.change',
    summary: 'The sums at which mails are sent',
    answer: z.object({ data: z.array(SpendAlert) }),
  }),
  createAlert: operation({
    id: 'spend_alerts.create',
    method: 'POST',
    path: `${root}/spend-alerts`,
    access: 'spend.change',
    summary: 'Asks for a mail when so much is spent in a day or month',
    body: NewSpendAlert,
    answer: SpendAlert,
    status: 201,
    idempotent: 'answer',
  }),
  deleteAlert: operation({
    id: 'spend_alerts.delete',
    method: 'DELETE',
    path: `${root}/spend-alerts/:alertId`,
    access: 'spend.change',
    summary: 'Asks for that mail no more',
  }),
}
