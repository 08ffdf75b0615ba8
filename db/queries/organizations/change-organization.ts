import { eq, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { organizations } from '../../schema/index.ts'

/** What an organization's ledger object need not know. */
export type OrganizationProperties = Partial<Pick<typeof organizations.$inferInsert, 'name' | 'requireTwoFactor'>>

/** Changes what is named of an organization; call it under the organization's lock. */
export async function changeOrganization(tx: Db, organizationId: string, wanted: OrganizationProperties): Promise<void> {
  await tx.update(organizations).set(wanted).where(eq(organizations.id, organizationId))
}

/** As `changeOrganization`, for the settings, whose version it raises. */
export async function changeSettings(
  tx: Db,
  organizationId: string,
  wanted: Pick<typeof organizations.$inferInsert, 'defaultKeyLimits' | 'logRetentionDays' | 'lowBalanceNanos'>,
): Promise<void> {
  const settingsVersion = sql`${organizations.settingsVersion} + 1`
  await tx
    .update(organizations)
    .set({ ...wanted, settingsVersion })
    .where(eq(organizations.id, organizationId))
}
