import { and, eq, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { billingAccounts } from '../../schema/index.ts'

export type BillingAccountRow = typeof billingAccounts.$inferSelect

/** Whether the platform is in Stripe's live mode; null as long as it has no settings. */
export const platformMode = sql`(select (value ->> 'livemode')::boolean from platform_settings where name = 'stripe')`

/**
 * Of this mode of Stripe's, which is the platform's: what was saved in the other mode is as if it were not there, since no key of this one reaches it. All are,
 * as long as the platform has no settings, and those that never had a customer.
 */
export const isOfPlatformMode = sql`coalesce(${billingAccounts.livemode} = ${platformMode}, true)`

/** How an organization pays; null when it never did. */
export async function readBillingAccount(db: Db, organizationId: string): Promise<BillingAccountRow | null> {
  const [row] = await db
    .select()
    .from(billingAccounts)
    .where(and(eq(billingAccounts.organizationId, organizationId), isOfPlatformMode))
  return row ?? null
}

/** Keeps the first customer that an organization gets in a mode, and forgets what belonged to the one of the other mode. Whether it was kept. */
export async function keepStripeCustomer(tx: Db, organizationId: string, stripeCustomerId: string, livemode: boolean): Promise<boolean> {
  const { automatic, stoppedBecause } = billingAccounts
  const rows = await tx
    .insert(billingAccounts)
    .values({ organizationId, stripeCustomerId, livemode })
    .onConflictDoUpdate({
      target: billingAccounts.organizationId,
      set: {
        stripeCustomerId,
        livemode,
        paymentMethodId: null,
        card: null,
        automatic: false,
        stoppedBecause: sql`case when ${automatic} then 'payment_method_removed' else ${stoppedBecause} end`,
        updatedAt: sql`now()`,
      },
      setWhere: sql`${billingAccounts.livemode} is distinct from ${livemode}`,
    })
    .returning({ organizationId: billingAccounts.organizationId })
  return rows.length > 0
}

/** Forgets a saved payment method and all that needs it; false when it is no longer the saved one. */
export async function forgetPaymentMethod(tx: Db, organizationId: string, paymentMethodId: string): Promise<boolean> {
  const { automatic, stoppedBecause } = billingAccounts
  const rows = await tx
    .update(billingAccounts)
    .set({
      paymentMethodId: null,
      card: null,
      automatic: false,
      stoppedBecause: sql`case when ${automatic} then 'payment_method_removed' else ${stoppedBecause} end`,
      updatedAt: sql`now()`,
    })
    .where(and(eq(billingAccounts.organizationId, organizationId), eq(billingAccounts.paymentMethodId, paymentMethodId)))
    .returning({ organizationId: billingAccounts.organizationId })
  return rows.length > 0
}

/** Sets the automatic top-up; call it under the organization's lock. What failed before counts no more when it is turned on. */
export async function saveAutomaticTopUp(
  tx: Db,
  organizationId: string,
  wanted: { automatic: boolean; thresholdNanos: number; amountNanos: number; monthlyCapNanos: number },
): Promise<void> {
  const since = wanted.automatic ? { automaticSince: sql`now()` } : {}
  const set = { ...wanted, ...since, stoppedBecause: null, updatedAt: sql`now()` }
  const { organizationId: id } = billingAccounts
  const changed = await tx.update(billingAccounts).set(set).where(eq(id, organizationId)).returning({ id })
  // No upsert: the row that it would insert has no card, and may not be turned on.
  if (changed.length === 0) await tx.insert(billingAccounts).values({ organizationId, ...set })
}

/** Turns the automatic top-up off. */
export async function stopAutomaticTopUp(
  tx: Db,
  organizationId: string,
  because: NonNullable<BillingAccountRow['stoppedBecause']>,
): Promise<void> {
  await tx
    .update(billingAccounts)
    .set({ automatic: false, stoppedBecause: because, updatedAt: sql`now()` })
    .where(eq(billingAccounts.organizationId, organizationId))
}
