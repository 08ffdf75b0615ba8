import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { LedgerEntryKind } from '#shared/contracts/api/billing.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint, timestampOf } from '../../statements.ts'
import { monthWindow } from './month-window.ts'

/** Of a month, `toMs` excluded. */
export interface Month {
  fromMs: number
  toMs: number
}

const Frame = z.object({ afterId: SafeBigint, throughId: SafeBigint, openingNanos: SafeBigint })
/** Numbers between which a month's entries lie, and the balance before the first of them. */
export type MonthFrame = z.infer<typeof Frame>

/**
 * Of the entries that are booked now; null when none is of this month. The opening balance is the balance less all that was booked since, as of one moment, so
 * a month long past costs a look at each entry since then.
 */
export async function readMonthFrame(db: Db, organizationId: string, { fromMs, toMs }: Month): Promise<MonthFrame | null> {
  const [from, to] = [timestampOf(fromMs), timestampOf(toMs)]
  const statement = sql`
    select w.after_id as "afterId", w.through_id as "throughId", o.balance_nanos - coalesce((
      select sum(e.amount_nanos) from ledger_entries e where e.organization_id = ${organizationId} and e.id > w.after_id and e.created_at >= ${from}
    ), 0) as "openingNanos"
    from organizations o cross join lateral ${monthWindow(organizationId, from, to)} w
    where o.id = ${organizationId} and exists (
      select 1 from ledger_entries e where e.organization_id = ${organizationId} and e.id > w.after_id and e.id <= w.through_id
        and e.created_at >= ${from} and e.created_at < ${to}
    )`
  const [frame] = await readRows(db, statement, Frame)
  return frame ?? null
}

const Entry = z.object({ entryId: SafeBigint, kind: LedgerEntryKind, amountNanos: SafeBigint, eventId: z.string(), atMs: SafeBigint })
export type MonthEntry = z.infer<typeof Entry>

/** The next entries of a month within its frame, in the order they were booked. */
export function readMonthEntries(
  db: Db,
  organizationId: string,
  { fromMs, toMs, afterId, throughId, limit }: Month & Pick<MonthFrame, 'afterId' | 'throughId'> & { limit: number },
): Promise<MonthEntry[]> {
  const statement = sql`
    select e.id as "entryId", e.kind, e.amount_nanos as "amountNanos", e.event_id as "eventId",
      floor(extract(epoch from e.created_at) * 1000)::bigint as "atMs"
    from ledger_entries e
    where e.organization_id = ${organizationId} and e.id > ${afterId}::bigint and e.id <= ${throughId}::bigint
      and e.created_at >= ${timestampOf(fromMs)} and e.created_at < ${timestampOf(toMs)}
    order by e.id limit ${limit}`
  return readRows(db, statement, Entry)
}
