import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'
import { lockOrganizations } from '../lock-organizations.ts'

const Closed = z.object({
  name: z.string(),
  status: z.enum(['active', 'suspended']),
  balanceNanos: SafeBigint,
  keysRevoked: SafeBigint,
  managementKeysRevoked: SafeBigint,
  invitationsRevoked: SafeBigint,
  credentialsRemoved: SafeBigint,
  webhooksRemoved: SafeBigint,
  membersRemoved: SafeBigint,
})
/** The organization as it was, and how much went with it. */
export type ClosedOrganization = z.infer<typeof Closed>

/**
 * Suspends an organization for good, ends everything by which it could be used or entered, forgets its provider credentials and webhook endpoints, and raises its versions.
 * Books, usage and audit log stay. Null when there is no such organization, or no longer.
 */
export async function closeOrganizationRows(tx: Db, organizationId: string): Promise<ClosedOrganization | null> {
  await tx.execute(lockOrganizations([organizationId]))
  const closing = sql`
    with closed as (
      update organizations o set status = 'suspended', deleted_at = now(), balance_version = o.balance_version + 1,
        credentials_version = o.credentials_version + 1
      from organizations before
      where o.id = ${organizationId} and o.deleted_at is null and before.id = o.id
      returning o.id, before.name, before.status, before.balance_nanos
    ), keys as (
      update api_keys k set revoked_at = now() from closed c where k.organization_id = c.id and k.revoked_at is null returning k.id
    ), managing as (
      update management_keys k set revoked_at = now() from closed c where k.organization_id = c.id and k.revoked_at is null returning k.id
    ), invited as (
      update invitations i set revoked_at = now() from closed c
      where i.organization_id = c.id and i.accepted_at is null and i.revoked_at is null returning i.id
    ), credentials as (
      delete from provider_credentials p using closed c where p.organization_id = c.id returning p.id
    ), webhooks as (
      delete from webhook_endpoints w using closed c where w.organization_id = c.id returning w.id
    ), forgotten as (
      delete from secrets s using (
        select 'provider_credentials' as owner, id from credentials union all select 'webhook_endpoints', id from webhooks
      ) gone where s.owner_table = gone.owner and s.owner_id = gone.id
    ), members as (
      delete from memberships m using closed c where m.organization_id = c.id returning m.user_id
    )
    select name, status, balance_nanos as "balanceNanos",
      (select count(*) from keys) as "keysRevoked", (select count(*) from managing) as "managementKeysRevoked",
      (select count(*) from invited) as "invitationsRevoked", (select count(*) from credentials) as "credentialsRemoved",
      (select count(*) from webhooks) as "webhooksRemoved", (select count(*) from members) as "membersRemoved"
    from closed`
  const [row] = await readRows(tx, closing, Closed)
  return row ?? null
}
