import { and, eq, inArray, isNull, lt, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { billingAccounts, topUpReturns, topUps } from '../../schema/index.ts'
import { readRows } from '../../statements.ts'

export type TopUpRow = typeof topUps.$inferSelect
export type TopUpReturnRow = typeof topUpReturns.$inferSelect
export type BillingAccountRow = typeof billingAccounts.$inferSelect

export async function findTopUp(db: Db, topUpId: string): Promise<TopUpRow | null> {
  const [row] = await db.select().from(topUps).where(eq(topUps.id, topUpId))
  return row ?? null
}

/** Nobody else changes it before the transaction ends. The lock of its organization is taken before, wherever both are. */
export async function lockTopUp(tx: Db, topUpId: string): Promise<TopUpRow | null> {
  const [row] = await tx.select().from(topUps).where(eq(topUps.id, topUpId)).for('update')
  return row ?? null
}

export async function findTopUpOfIntent(db: Db, paymentIntentId: string): Promise<TopUpRow | null> {
  const [row] = await db.select().from(topUps).where(eq(topUps.paymentIntentId, paymentIntentId))
  return row ?? null
}

export async function listTopUps(db: Db, topUpIds: string[]): Promise<TopUpRow[]> {
  return topUpIds.length === 0 ? [] : db.select().from(topUps).where(inArray(topUps.id, topUpIds))
}

export async function changeTopUp(tx: Db, topUpId: string, change: Partial<typeof topUps.$inferInsert>): Promise<void> {
  await tx.update(topUps).set(change).where(eq(topUps.id, topUpId))
}

/** How an organization pays, locked; null when it never paid. */
export async function lockBillingAccount(tx: Db, organizationId: string): Promise<BillingAccountRow | null> {
  const [row] = await tx.select().from(billingAccounts).where(eq(billingAccounts.organizationId, organizationId)).for('update')
  return row ?? null
}

/** Who pays as this customer of Stripe's. */
export async function findBillingAccount(
  db: Db,
  by: { stripeCustomerId: string } | { paymentMethodId: string },
): Promise<BillingAccountRow | null> {
  const isIt =
    'stripeCustomerId' in by
      ? eq(billingAccounts.stripeCustomerId, by.stripeCustomerId)
      : eq(billingAccounts.paymentMethodId, by.paymentMethodId)
  const [row] = await db.select().from(billingAccounts).where(isIt)
  return row ?? null
}

export async function changeBillingAccount(
  tx: Db,
  organizationId: string,
  change: Partial<typeof billingAccounts.$inferInsert>,
): Promise<void> {
  await tx
    .update(billingAccounts)
    .set({ ...change, updatedAt: new Date() })
    .where(eq(billingAccounts.organizationId, organizationId))
}

export function listReturns(tx: Db, topUpId: string): Promise<TopUpReturnRow[]> {
  return tx.select().from(topUpReturns).where(eq(topUpReturns.topUpId, topUpId))
}

export async function saveReturn(tx: Db, row: Pick<TopUpReturnRow, 'id' | 'topUpId' | 'cents' | 'cameBack'>): Promise<void> {
  await tx
    .insert(topUpReturns)
    .values(row)
    .onConflictDoUpdate({ target: topUpReturns.id, set: { cameBack: row.cameBack } })
}

/** Which of these refunds and disputes have taken money, by id. */
export async function listKnownReturns(db: Db, ids: string[]): Promise<TopUpReturnRow[]> {
  return ids.length === 0 ? [] : db.select().from(topUpReturns).where(inArray(topUpReturns.id, ids))
}

/** Ids of refunds and disputes that may still come back, by their age in days. */
export async function listReturnsUnderWay(db: Db, days: { refund: number; dispute: number }): Promise<string[]> {
  const statement = sql`
    select id from top_up_returns where not came_back
      and created_at > now() - make_interval(days => case when id like 're%' or id like 'pyr%' then ${days.refund}::integer else ${days.dispute}::integer end)
    order by created_at`
  return (await readRows(db, statement, z.object({ id: z.string() }))).map(({ id }) => id)
}

const PendingTopUp = z.object({ id: z.string(), checkoutSessionId: z.string().nullable(), paymentIntentId: z.string().nullable() })
export type PendingTopUp = z.infer<typeof PendingTopUp>

/**
 * Top-ups that wait for Stripe's word for two minutes or more, and whose turn it is in this minute: the older one is, the less often it is asked about, by
 * a third of its age each time.
 */
export function listPendingTopUps(db: Db, limit: number): Promise<PendingTopUp[]> {
  const statement = sql`
    select id, checkout_session_id as "checkoutSessionId", payment_intent_id as "paymentIntentId"
    from top_ups cross join lateral (select extract(epoch from now() - created_at) / 60 as minutes) age
    where status = 'pending' and coalesce(checkout_session_id, payment_intent_id) is not null and minutes >= 2
      and floor(log(1.3, minutes)) > floor(log(1.3, minutes - 1))
    order by created_at desc limit ${limit}`
  return readRows(db, statement, PendingTopUp)
}

/** Top-ups whose session was never made: nobody can pay them any more. */
export async function listUnbegunTopUps(db: Db, olderThan: Date): Promise<{ topUpId: string; organizationId: string }[]> {
  const unbegun = and(eq(topUps.status, 'pending'), eq(topUps.kind, 'checkout'), isNull(topUps.checkoutSessionId))
  return db
    .select({ topUpId: topUps.id, organizationId: topUps.organizationId })
    .from(topUps)
    .where(and(unbegun, lt(topUps.createdAt, olderThan)))
}
