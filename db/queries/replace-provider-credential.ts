import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../client.ts'
import { readRowsAtomically } from '../statements.ts'
import { lockOrganizations } from './lock-organizations.ts'

export interface ProviderCredentialReplacement {
  organizationId: string
  credentialId: string
  lastFour: string
  /** The new key, sealed one version above the stored one. */
  sealed: SealedSecret
}

/**
 * Puts another key in the place of a credential's, which then works again when it was paused. `overtaken`, and nothing changed: the stored key is
 * no longer the one before this, because it was replaced or removed in between.
 */
export async function replaceProviderCredential(
  db: Db,
  { organizationId, credentialId, lastFour, sealed }: ProviderCredentialReplacement,
): Promise<'replaced' | 'overtaken'> {
  const replacement = sql`
    with stored as (
      update secrets s set version = ${sealed.version}::integer, kek = ${sealed.kek}, kek_id = ${sealed.kekId},
        wrapped_dek = ${sealed.wrappedDek}, sealed = ${sealed.sealed}, created_at = now(), rewrapped_at = null
      where s.owner_table = 'provider_credentials' and s.owner_id = ${credentialId} and s.purpose = 'api_key'
        and s.organization_id = ${organizationId} and s.version = ${sealed.version}::integer - 1
      returning s.owner_id, s.organization_id
    ), changed as (
      update provider_credentials c set last_four = ${lastFour}, status = 'active', refusals = 0, last_error = null, last_error_at = null
      from stored s where c.id = s.owner_id
    )
    update organizations o set credentials_version = o.credentials_version + 1, balance_version = o.balance_version + 1
    from stored s where o.id = s.organization_id
    returning o.id`
  const rows = await readRowsAtomically(db, [lockOrganizations([organizationId]), replacement], z.object({ id: z.string() }))
  return rows.length === 1 ? 'replaced' : 'overtaken'
}
