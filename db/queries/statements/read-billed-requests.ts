import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Usage } from '#shared/pricing/usage.ts'
import { timeOfId } from '#shared/values/id.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint, timestampOf } from '../../statements.ts'
import { recordedUsage } from '../recorded-usage.ts'

const dayMs = 86_400_000

const Row = z.object({
  requestId: z.string(),
  model: z.string(),
  usage: Usage,
  priceVersionId: z.string(),
  costNanos: SafeBigint,
  estimated: z.boolean(),
  capped: z.boolean(),
  /** Whether an adjustment has made the record what it is. */
  adjusted: z.boolean(),
  /** Of an adjusted one: what its settlement moved; null when that is not booked. */
  settledNanos: SafeBigint.nullable(),
})
export type BilledRecord = z.infer<typeof Row>

/**
 * What requests of a customer were billed, as of one moment. They were booked before `bookedBeforeMs`: with the moments in their ids that says in which months
 * their records are.
 */
export function readBilledRequests(
  db: Db,
  organizationId: string,
  { requestIds, bookedBeforeMs }: { requestIds: string[]; bookedBeforeMs: number },
): Promise<BilledRecord[]> {
  const firstMs = Math.min(...requestIds.map((requestId) => timeOfId('req', requestId) ?? 0))
  // The inner select keeps the planner from reading the whole ledger to find the few adjustments.
  const statement = sql`
    select r.*, case when r.adjusted then (
      select e.amount_nanos from ledger_entries e where e.event_id = r."requestId" || ':settlement' and e.organization_id = ${organizationId}
    ) end as "settledNanos"
    from (
      select u.request_id as "requestId", u.model, ${recordedUsage} as usage, u.price_version_id as "priceVersionId", u.cost_nanos as "costNanos",
        u.estimated, u.capped, (
          select e.id from ledger_entries e where e.event_id = u.request_id || ':adjustment' and e.organization_id = ${organizationId} limit 1
        ) is not null as adjusted
      from usage_records u
      where u.request_id = any(${sql.param(requestIds)}::text[]) and u.organization_id = ${organizationId}
        and u.settled_at between ${timestampOf(firstMs - dayMs)} and ${timestampOf(bookedBeforeMs + dayMs)}
      offset 0
    ) r`
  return readRows(db, statement, Row)
}
