import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

/** What an organization says to whoever comes to it. */
const Standing = z.object({ role: Role, isSuspended: z.boolean(), requiresTwoFactor: z.boolean() })
export type Standing = z.infer<typeof Standing>

const PersonRow = z.object({
  userId: z.string(),
  email: z.string(),
  isEmailVerified: z.boolean(),
  authenticatedAtMs: SafeBigint,
  hasSecondFactor: z.boolean(),
  standing: Standing.nullable(),
})
export type PersonRow = z.infer<typeof PersonRow>

/**
 * Who is behind a living session, and as what they belong to an organization that is not deleted; null when the session has ended. `standing` is null when
 * they do not belong to it, or none is named.
 */
export async function readPersonCaller(db: Db, sessionId: string, organizationId: string | null): Promise<PersonRow | null> {
  const statement = sql`
    select u.id as "userId", u.email, u.email_verified_at is not null as "isEmailVerified",
      floor(extract(epoch from s.authenticated_at) * 1000)::bigint as "authenticatedAtMs", s.second_factor as "hasSecondFactor",
      case when m.user_id is not null then
        jsonb_build_object('role', m.role, 'isSuspended', o.status = 'suspended', 'requiresTwoFactor', o.require_two_factor)
      end as standing
    from sessions s join users u on u.id = s.user_id
    left join organizations o on o.id = ${organizationId} and o.deleted_at is null
    left join memberships m on m.organization_id = o.id and m.user_id = u.id
    where s.id = ${sessionId} and s.revoked_at is null and s.expires_at > now() and u.deleted_at is null`
  const [row] = await readRows(db, statement, PersonRow)
  return row ?? null
}

const ManagementKeyRow = z.object({ keyId: z.string(), organizationId: z.string(), standing: Standing })
export type ManagementKeyRow = z.infer<typeof ManagementKeyRow>

/** The living management key of this hash, in an organization that is not deleted; null when there is none. Notes that it was used, once a minute. */
export async function readManagementKeyCaller(db: Db, keyHash: string): Promise<ManagementKeyRow | null> {
  const statement = sql`
    with found as (
      select k.id, k.organization_id, k.role, o.status, o.require_two_factor
      from management_keys k join organizations o on o.id = k.organization_id
      where k.key_hash = ${keyHash} and k.revoked_at is null and (k.expires_at is null or k.expires_at > now()) and o.deleted_at is null
    ), used as (
      update management_keys k set last_used_at = now() from found f
      where k.id = f.id and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute')
    )
    select id as "keyId", organization_id as "organizationId",
      jsonb_build_object('role', role, 'isSuspended', status = 'suspended', 'requiresTwoFactor', require_two_factor) as standing
    from found`
  const [row] = await readRows(db, statement, ManagementKeyRow)
  return row ?? null
}
