import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const Profile = z.object({
  userId: z.string(),
  email: z.string(),
  name: z.string(),
  isEmailVerified: z.boolean(),
  hasPassword: z.boolean(),
  hasTotp: z.boolean(),
  recoveryCodesLeft: SafeBigint,
  passkeys: SafeBigint,
  identities: z.array(z.object({ provider: z.enum(['github', 'google']), email: z.string(), createdAtMs: SafeBigint })),
  organizations: z.array(
    z.object({
      organizationId: z.string(),
      name: z.string(),
      personal: z.boolean(),
      status: z.enum(['active', 'suspended']),
      requireTwoFactor: z.boolean(),
      role: Role,
    }),
  ),
  /** Null when they do not belong to it, or no longer. */
  currentOrganizationId: z.string().nullable(),
})
export type Profile = z.infer<typeof Profile>

/** A person with what they have here; null when there is none, or no longer. */
export async function readProfile(db: Db, userId: string): Promise<Profile | null> {
  const statement = sql`
    with theirs as (
      select o.id, o.name, o.personal, o.status, o.require_two_factor, m.role
      from memberships m join organizations o on o.id = m.organization_id and o.deleted_at is null
      where m.user_id = ${userId}
    )
    select u.id as "userId", u.email, u.name, u.email_verified_at is not null as "isEmailVerified",
      u.password_hash is not null as "hasPassword", u.totp_enabled_at is not null as "hasTotp",
      (select count(*) from recovery_codes r where r.user_id = u.id and r.used_at is null) as "recoveryCodesLeft",
      (select count(*) from passkeys p where p.user_id = u.id) as passkeys,
      (select coalesce(jsonb_agg(jsonb_build_object('provider', i.provider, 'email', i.email,
        'createdAtMs', floor(extract(epoch from i.created_at) * 1000)) order by i.provider), '[]')
        from identities i where i.user_id = u.id) as identities,
      (select coalesce(jsonb_agg(jsonb_build_object('organizationId', t.id, 'name', t.name, 'personal', t.personal, 'status', t.status,
        'requireTwoFactor', t.require_two_factor, 'role', t.role) order by t.id), '[]') from theirs t) as organizations,
      (select t.id from theirs t where t.id = u.current_organization_id) as "currentOrganizationId"
    from users u where u.id = ${userId} and u.deleted_at is null`
  const [row] = await readRows(db, statement, Profile)
  return row ?? null
}
