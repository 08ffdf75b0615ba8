import { z } from 'zod'
import { OrganizationId } from './customer.ts'

/** Asks whether the books agree: those of one customer, or of all. */
export const NewReconciliation = z.strictObject({ organizationId: OrganizationId.optional() })
export type NewReconciliation = z.infer<typeof NewReconciliation>

/** Whole nano-dollars as text: sums over a platform's life may pass a safe integer. */
const NanosText = z.string().regex(/^-?\d+$/)

/** One customer whose balance, ledger entries, usage records or daily sums disagree, with all of them. */
export const Difference = z.object({
  organizationId: z.string(),
  balanceNanos: NanosText,
  entriesNanos: NanosText,
  usageEntriesNanos: NanosText,
  recordsNanos: NanosText,
  dailyNanos: NanosText,
})
export type Difference = z.infer<typeof Difference>

export const Reconciliation = z.object({ differences: z.array(Difference) })
export type Reconciliation = z.infer<typeof Reconciliation>
