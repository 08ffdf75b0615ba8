import { type SQL, sql } from 'drizzle-orm'

/** A customer that may spend less than this has run out: one cent, below which hardly any request fits. */
export const exhaustedBelowNanos = 10_000_000

/**
 * The part of a statement that tells of balances falling below a threshold, in the transaction that moves them. Reads `moved (id, balance_nanos,
 * balance_version, nanos)`, the new balances and by how much they moved. A balance that was below already tells nothing new.
 */
export const raisingBalanceEvents: SQL = sql`
  raised as (
    insert into customer_events (organization_id, type, dedupe, data)
    select m.id, t.type, m.balance_version, jsonb_build_object('balanceNanos', m.balance_nanos, 'thresholdNanos', t.threshold_nanos)
    from moved m join organizations before on before.id = m.id
    cross join lateral (values
      ('balance.low', before.low_balance_nanos),
      ('balance.exhausted', ${sql.raw(String(exhaustedBelowNanos))} - before.overdraft_nanos)
    ) t (type, threshold_nanos)
    where m.balance_nanos < t.threshold_nanos and m.balance_nanos - m.nanos >= t.threshold_nanos
    returning organization_id
  )`
