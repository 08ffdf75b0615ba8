import { type SQL, sql } from 'drizzle-orm'

/**
 * How long after its beginning a transaction may still book, in milliseconds. An entry is dated by that beginning and numbered once the customer's lock is
 * held, so its date lies before what its number says by no more than this. Transactions last for seconds.
 */
export const bookingMs = 3_600_000

/**
 * The number of an entry dated before a moment, behind which the next one is not; null without entries. There is no index by time, but numbers follow it nearly,
 * and a search by halves takes some forty looks at the primary key.
 */
export function lastIdBefore(organizationId: string, moment: SQL): SQL {
  return sql`(
    with recursive search (low, high) as (
      select min(e.id) - 1, max(e.id) + 1 from ledger_entries e where e.organization_id = ${organizationId}
      union all
      select case when probed.created_at < ${moment} then probed.id else halved.low end,
        case when probed.created_at < ${moment} then halved.high else halved.middle end
      from (select low, high, low + (high - low) / 2 as middle from search where high - low > 1) halved
      cross join lateral (
        select e.id, e.created_at from ledger_entries e where e.organization_id = ${organizationId} and e.id >= halved.middle order by e.id limit 1
      ) probed
    )
    select max(low) from search
  )`
}

/**
 * Numbers between which lie all entries that are dated from `from` on and before `to`, and some others: behind `after_id`, up to `through_id`. What is up to
 * `after_id` was numbered before `from`, and so dated before it; what is behind `through_id` was numbered too late to be dated before `to`.
 */
export function monthWindow(organizationId: string, from: SQL, to: SQL): SQL {
  const margin = sql`make_interval(secs => ${bookingMs / 1_000})`
  return sql`(
    select ${lastIdBefore(organizationId, sql`${from} - ${margin}`)} as after_id,
      ${lastIdBefore(organizationId, sql`${to} + ${margin}`)} as through_id
    offset 0
  )`
}
