import { eq, sql } from 'drizzle-orm'
import type { Limits } from '#shared/contracts/account.ts'
import type { Db } from '../client.ts'
import { organizations } from '../schema/index.ts'

/** Replaces a customer's limits. Answers the account's new version; null when there is no such customer. */
export function setOrganizationLimits(db: Db, organizationId: string, limits: Limits): Promise<number | null> {
  return change(db, organizationId, { limits })
}

/** Suspends a customer, or lets it work again. Answers as setOrganizationLimits. */
export function setOrganizationStatus(db: Db, organizationId: string, status: 'active' | 'suspended'): Promise<number | null> {
  return change(db, organizationId, { status })
}

/** Sets how far a customer's balance may fall below zero. Answers as setOrganizationLimits. */
export function setOrganizationOverdraft(db: Db, organizationId: string, overdraftNanos: number): Promise<number | null> {
  return change(db, organizationId, { overdraftNanos })
}

/** Sets the balance below which `balance.low` is raised; null for none. Answers as setOrganizationLimits. */
export function setOrganizationLowBalance(db: Db, organizationId: string, lowBalanceNanos: number | null): Promise<number | null> {
  return change(db, organizationId, { lowBalanceNanos })
}

type Change = Partial<Pick<typeof organizations.$inferInsert, 'limits' | 'status' | 'overdraftNanos' | 'lowBalanceNanos'>>

async function change(db: Db, organizationId: string, values: Change): Promise<number | null> {
  const [row] = await db
    .update(organizations)
    .set({ ...values, balanceVersion: sql`${organizations.balanceVersion} + 1` })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.balanceVersion })
  return row?.version ?? null
}
