import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { checkedNanos } from '#shared/values/money.ts'
import type { Db } from '../client.ts'
import { outboxed } from '../outboxed.ts'
import { postgresErrorOf, readRowsAtomically, SafeBigint } from '../statements.ts'
import { lockOrganizations } from './lock-organizations.ts'
import { raisingBalanceEvents } from './raise-balance-events.ts'

export interface ManualEntry {
  organizationId: string
  /** Positive for a credit, negative for a debit. */
  amountNanos: number
  kind: 'credit' | 'debit'
  eventId: string
  reason: string | null
}

export type PostOutcome =
  | { outcome: 'posted' | 'already_posted'; balanceNanos: number; version: number }
  /** `event_reused`: the event id already stands for another amount, kind or customer. */
  | { outcome: 'refused'; reason: 'organization_unknown' | 'event_reused' | 'balance_out_of_range' }

/** Posts a credit or debit once per event id, however often it is called. */
export async function postEntry(db: Db, entry: ManualEntry): Promise<PostOutcome> {
  checkedNanos(entry.amountNanos)
  try {
    const [row] = await readRowsAtomically(db, [lockOrganizations([entry.organizationId]), posting(entry)], Posted)
    if (!row) return { outcome: 'refused', reason: 'organization_unknown' }
    if (row.raised > 0) outboxed(db).organizationIds.add(entry.organizationId)
    if (row.posted) return { outcome: 'posted', balanceNanos: row.balanceNanos, version: row.version }
    // An entry this transaction cannot see yet was posted a moment ago under another customer's lock.
    if (row.same !== true) return { outcome: 'refused', reason: 'event_reused' }
    return { outcome: 'already_posted', balanceNanos: row.balanceNanos, version: row.version }
  } catch (error) {
    if (postgresErrorOf(error)?.constraint === 'organizations_balance_range') return { outcome: 'refused', reason: 'balance_out_of_range' }
    throw error
  }
}

const Posted = z.object({
  balanceNanos: SafeBigint,
  version: SafeBigint,
  posted: z.boolean(),
  same: z.boolean().nullable(),
  /** How many balance events it raised. */
  raised: SafeBigint,
})

function posting(entry: ManualEntry): SQL {
  return sql`
    with posted as (
      insert into ledger_entries (organization_id, amount_nanos, kind, event_id, reason)
      select o.id, ${entry.amountNanos}::bigint, ${entry.kind}, ${entry.eventId}, ${entry.reason}
      from organizations o where o.id = ${entry.organizationId}
      on conflict (event_id) do nothing
      returning organization_id, amount_nanos
    ), moved as (
      update organizations o
      set balance_nanos = o.balance_nanos + p.amount_nanos, balance_version = o.balance_version + 1
      from posted p where o.id = p.organization_id
      returning o.id, o.balance_nanos, o.balance_version, p.amount_nanos as nanos
    ), ${raisingBalanceEvents}
    select
      coalesce(m.balance_nanos, o.balance_nanos) as "balanceNanos",
      coalesce(m.balance_version, o.balance_version) as "version",
      m.id is not null as posted,
      (select count(*) from raised) as raised,
      (
        select e.organization_id = ${entry.organizationId} and e.amount_nanos = ${entry.amountNanos}::bigint and e.kind = ${entry.kind}
        from ledger_entries e where e.event_id = ${entry.eventId}
      ) as same
    from organizations o left join moved m on m.id = o.id
    where o.id = ${entry.organizationId}`
}
