import { sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'

/**
 * Deletes organizations, whose rows the transaction has locked: suspended for good, without a living key, an open invitation or a key of theirs at a
 * provider. Their books stay. Their members are for the caller to remove.
 */
export async function deleteOrganizations(tx: Db, organizationIds: string[]): Promise<void> {
  const ids = sql`any(${sql.param(organizationIds)}::text[])`
  await tx.execute(sql`
    update organizations set status = 'suspended', deleted_at = now(), settings_version = settings_version + 1,
      balance_version = balance_version + 1, credentials_version = credentials_version + 1
    where id = ${ids} and deleted_at is null`)
  await tx.execute(sql`update api_keys set revoked_at = now() where organization_id = ${ids} and revoked_at is null`)
  await tx.execute(sql`update management_keys set revoked_at = now() where organization_id = ${ids} and revoked_at is null`)
  await tx.execute(sql`
    update invitations set revoked_at = now() where organization_id = ${ids} and revoked_at is null and accepted_at is null`)
  await tx.execute(sql`delete from provider_credentials where organization_id = ${ids}`)
  await tx.execute(sql`delete from secrets where organization_id = ${ids}`)
}
