import { z } from 'zod'
import { OrganizationId } from './customer.ts'

/** Asks whether the books agree: those of one customer, or of all. */
export const NewReconciliation = z.strictObject({ organizationId: OrganizationId.optional() })
export type NewReconciliation = z.infer<typeof NewReconciliation>

/** Whole nano-dollars as text: sums over a platform's life may pass a safe integer. */
const NanosText = z.string().regex(/^-?\d+$/)

/** One customer whose balance, ledger entries, usage records, daily or hourly sums disagree, with all of them. */
export const Difference = z.object({
  organizationId: z.string(),
  balanceNanos: NanosText,
  entriesNanos: NanosText,
  usageEntriesNanos: NanosText,
  recordsNanos: NanosText,
  dailyNanos: NanosText,
  hourlyNanos: NanosText,
})
export type Difference = z.infer<typeof Difference>

export const Reconciliation = z.object({ differences: z.array(Difference) })
export type Reconciliation = z.infer<typeof Reconciliation>

/**
 * Everything the hourly reconciliation can find; the list is closed, and metrics count by its order. What `expected` and `found` say of each:
 *
 * - `balance_differs`: the balance of a customer; the sum of its ledger entries, and the balance.
 * - `record_differs`: a request; what its entries charged, and the cost of its usage record (`none` when it has none).
 * - `daily_differs`: a day, key and model; the sum of the usage records, and the daily sum.
 * - `ledger_unreachable`: the customer's object did not answer.
 * - `ledger_balance_differs`: at the same version; the balance in Postgres, and in the object.
 * - `ledger_ahead`: versions; the object knows one that Postgres has not reached, as after a restore.
 * - `hold_after_settlement`: a request; the object still holds money for what the entries show as settled.
 * - `hold_overdue`: a request; its lease ended long ago, and no alarm settled it.
 * - `event_unconfirmed`: an event; Postgres has held it for long, and the object has not heard.
 * - `event_unrecorded`: an event; settled long ago, and neither in the entries nor parked.
 * - `event_parked`: an event; put aside for an operator, its debit waits in the object.
 * - `hourly_differs`: an hour, key and model; the sum of the usage records, and the hourly sum.
 */
export const FindingKind = z.enum([
  'balance_differs',
  'record_differs',
  'daily_differs',
  'ledger_unreachable',
  'ledger_balance_differs',
  'ledger_ahead',
  'hold_after_settlement',
  'hold_overdue',
  'event_unconfirmed',
  'event_unrecorded',
  'event_parked',
  'hourly_differs',
])
export type FindingKind = z.infer<typeof FindingKind>

/** One thing that did not agree. Amounts are whole nano-dollars as text. */
export const Finding = z.object({
  organizationId: z.string(),
  kind: FindingKind,
  /** The request, event or day in question; null for the customer as a whole. */
  subject: z.string().nullable(),
  expected: z.string(),
  found: z.string(),
})
export type Finding = z.infer<typeof Finding>

/** A run of the hourly reconciliation. */
export const ReconciliationRun = z.object({
  reconciliationId: z.int(),
  startedAt: z.iso.datetime(),
  /** Null while it runs, and for good when it was cut off. */
  finishedAt: z.iso.datetime().nullable(),
  customers: z.int(),
  /** How many it has; of very many only the first are listed. */
  findingCount: z.int(),
  /** Where the next run goes on; null when this one came to the last customer. */
  resumesAfter: z.string().nullable(),
  findings: z.array(Finding),
})
export type ReconciliationRun = z.infer<typeof ReconciliationRun>

/** The latest runs, newest first. */
export const ReconciliationRunList = z.object({ runs: z.array(ReconciliationRun) })
export type ReconciliationRunList = z.infer<typeof ReconciliationRunList>
