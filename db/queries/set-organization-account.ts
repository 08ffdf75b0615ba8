import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { organizations } from '../schema/index.ts'

/** What a customer's ledger object must know of the organization itself. */
export type OrganizationAccount = Partial<
  Pick<typeof organizations.$inferInsert, 'limits' | 'status' | 'overdraftNanos' | 'lowBalanceNanos'>
>

/** The changed columns, as they were and as they are. */
export type OrganizationChange = { before: OrganizationAccount; after: OrganizationAccount }

/** Changes what is named of an organization and raises its version; call it in a transaction. Null when there is no such organization, or no longer. */
export async function changeOrganizationAccount(
  tx: Db,
  organizationId: string,
  wanted: { [Name in keyof OrganizationAccount]?: OrganizationAccount[Name] | undefined },
): Promise<OrganizationChange | null> {
  const columns = {
    limits: organizations.limits,
    status: organizations.status,
    overdraftNanos: organizations.overdraftNanos,
    lowBalanceNanos: organizations.lowBalanceNanos,
  }
  const living = and(eq(organizations.id, organizationId), isNull(organizations.deletedAt))
  const [before] = await tx.select(columns).from(organizations).where(living).for('no key update')
  if (!before) return null
  const after: OrganizationAccount = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
  await tx
    .update(organizations)
    .set({ ...after, balanceVersion: sql`${organizations.balanceVersion} + 1` })
    .where(eq(organizations.id, organizationId))
  return { before: Object.fromEntries(Object.entries(before).filter(([name]) => name in after)), after }
}
