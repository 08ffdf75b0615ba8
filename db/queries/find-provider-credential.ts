import { and, eq } from 'drizzle-orm'
import type { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../client.ts'
import { providerCredentials, secrets } from '../schema/index.ts'

export interface FoundProviderCredential {
  provider: string
  baseUrl: string | null
  lastFour: string
  sealed: SealedSecret
}

/** A credential of a customer with its sealed key; null when the customer has no such credential. */
export async function findProviderCredential(
  db: Db,
  { organizationId, credentialId }: { organizationId: string; credentialId: string },
): Promise<FoundProviderCredential | null> {
  const { version, kek, kekId, wrappedDek, sealed } = secrets
  const [found] = await db
    .select({
      provider: providerCredentials.provider,
      baseUrl: providerCredentials.baseUrl,
      lastFour: providerCredentials.lastFour,
      sealed: { version, kek, kekId, wrappedDek, sealed },
    })
    .from(providerCredentials)
    .innerJoin(
      secrets,
      and(eq(secrets.ownerTable, 'provider_credentials'), eq(secrets.ownerId, providerCredentials.id), eq(secrets.purpose, 'api_key')),
    )
    .where(and(eq(providerCredentials.id, credentialId), eq(providerCredentials.organizationId, organizationId)))
  return found ?? null
}
