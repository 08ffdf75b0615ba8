import { asc, eq } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { providerCredentials } from '../schema/index.ts'

export type ProviderCredentialRow = typeof providerCredentials.$inferSelect

/** A customer's provider credentials in the order in which they are tried; without their keys. */
export function listProviderCredentials(db: Db, organizationId: string): Promise<ProviderCredentialRow[]> {
  return db
    .select()
    .from(providerCredentials)
    .where(eq(providerCredentials.organizationId, organizationId))
    .orderBy(asc(providerCredentials.priority), asc(providerCredentials.id))
}
