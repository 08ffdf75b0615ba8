import { and, desc, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { topUps } from '../../schema/index.ts'

export type TopUpRow = typeof topUps.$inferSelect

export async function insertTopUp(
  tx: Db,
  topUp: Pick<typeof topUps.$inferInsert, 'id' | 'organizationId' | 'kind' | 'amountNanos' | 'livemode' | 'createdBy'>,
): Promise<void> {
  await tx.insert(topUps).values(topUp)
}

/** Top-ups of an organization, the newest first, before the given one. */
export function listTopUpsOf(db: Db, organizationId: string, page: { beforeId: string | null; limit: number }): Promise<TopUpRow[]> {
  const before = page.beforeId === null ? undefined : lt(topUps.id, page.beforeId)
  return db
    .select()
    .from(topUps)
    .where(and(eq(topUps.organizationId, organizationId), before))
    .orderBy(desc(topUps.id))
    .limit(page.limit)
}

export async function readTopUpOf(db: Db, organizationId: string, topUpId: string): Promise<TopUpRow | null> {
  const [row] = await db
    .select()
    .from(topUps)
    .where(and(eq(topUps.organizationId, organizationId), eq(topUps.id, topUpId)))
  return row ?? null
}

/** How many checkouts an organization has begun since, and neither paid nor seen expire. */
export function countOpenCheckouts(tx: Db, organizationId: string, since: Date): Promise<number> {
  const open = and(eq(topUps.organizationId, organizationId), eq(topUps.kind, 'checkout'), eq(topUps.status, 'pending'))
  return tx.$count(topUps, and(open, gt(topUps.createdAt, since)))
}

export async function noteCheckoutSession(db: Db, topUpId: string, checkoutSessionId: string): Promise<void> {
  await db.update(topUps).set({ checkoutSessionId }).where(eq(topUps.id, topUpId))
}

/** Notes how Stripe calls an automatic payment, unless its settlement did already. */
export async function notePaymentIntent(db: Db, topUpId: string, paymentIntentId: string): Promise<void> {
  await db
    .update(topUps)
    .set({ paymentIntentId })
    .where(and(eq(topUps.id, topUpId), isNull(topUps.paymentIntentId)))
}

/** Ends a top-up that waits; null when it has ended already. */
export async function endFailedTopUp(
  tx: Db,
  topUpId: string,
  failure: NonNullable<TopUpRow['failure']>,
  paymentIntentId: string | null,
): Promise<TopUpRow | null> {
  const [row] = await tx
    .update(topUps)
    .set({
      status: 'failed',
      failure,
      finishedAt: sql`now()`,
      paymentIntentId: sql`coalesce(${topUps.paymentIntentId}, ${paymentIntentId})`,
    })
    .where(and(eq(topUps.id, topUpId), eq(topUps.status, 'pending')))
    .returning()
  return row ?? null
}
