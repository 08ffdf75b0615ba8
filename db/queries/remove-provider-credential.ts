import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../client.ts'
import { readRowsAtomically } from '../statements.ts'
import { lockOrganizations } from './lock-organizations.ts'

/** Deletes a credential together with its key. Answers false when the customer has no such credential. */
export async function removeProviderCredential(db: Db, credential: { organizationId: string; credentialId: string }): Promise<boolean> {
  const { organizationId, credentialId } = credential
  const removal = sql`
    with removed as (
      delete from provider_credentials where id = ${credentialId} and organization_id = ${organizationId} returning id, organization_id
    ), forgotten as (
      delete from secrets s using removed r where s.owner_table = 'provider_credentials' and s.owner_id = r.id
    )
    update organizations o set credentials_version = o.credentials_version + 1, balance_version = o.balance_version + 1
    from removed r where o.id = r.organization_id
    returning o.id`
  const rows = await readRowsAtomically(db, [lockOrganizations([organizationId]), removal], z.object({ id: z.string() }))
  return rows.length === 1
}
