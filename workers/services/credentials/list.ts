import type { Db } from '#db/client.ts'
import { listProviderCredentials, type ProviderCredentialRow } from '#db/queries/list-provider-credentials.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import type { ProviderCredential, ProviderCredentialList } from '#shared/contracts/provider-credential.ts'

/** A customer's provider credentials, as they may be shown; null when there is no such customer. */
export async function listCredentials(db: Db, organizationId: string): Promise<ProviderCredentialList | null> {
  const [organization, rows] = await Promise.all([readOrganization(db, organizationId), listProviderCredentials(db, organizationId)])
  return organization && { credentials: rows.map(credentialOf), fallback: organization.byokFallback }
}

function credentialOf(row: ProviderCredentialRow): ProviderCredential {
  const { id: credentialId, provider, name, baseUrl, lastFour, priority, models, keyIds, status, lastError } = row
  return {
    credentialId,
    provider,
    name,
    baseUrl,
    lastFour,
    priority,
    models,
    keyIds,
    status,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    lastError,
    lastErrorAt: row.lastErrorAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
  }
}
