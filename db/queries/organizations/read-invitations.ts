import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const InvitationRow = z.object({
  invitationId: z.string(),
  organizationId: z.string(),
  organizationName: z.string(),
  isSuspended: z.boolean(),
  email: z.string(),
  role: Role,
  /** Null when a management key invited. */
  inviterName: z.string().nullable(),
  /** What the inviter is in the organization by now; null when they no longer belong to it. */
  inviterRole: Role.nullable(),
  isExpired: z.boolean(),
  expiresAtMs: SafeBigint,
  createdAtMs: SafeBigint,
})
/** An invitation that was neither accepted nor revoked, into an organization that is not deleted. */
export type InvitationRow = z.infer<typeof InvitationRow>

/** Null when there is no such invitation, or no longer. */
export async function findInvitation(db: Db, invitationId: string): Promise<InvitationRow | null> {
  const [row] = await readInvitations(db, sql`i.id = ${invitationId}`)
  return row ?? null
}

/** Those of an organization, the newest first; how many there can be is for who adds them. */
export function listInvitations(db: Db, organizationId: string): Promise<InvitationRow[]> {
  return readInvitations(db, sql`i.organization_id = ${organizationId}`)
}

function readInvitations(db: Db, which: SQL): Promise<InvitationRow[]> {
  const statement = sql`
    select i.id as "invitationId", o.id as "organizationId", o.name as "organizationName", o.status = 'suspended' as "isSuspended", i.email, i.role,
      u.name as "inviterName", coalesce(m.role, k.role) as "inviterRole", i.expires_at <= now() as "isExpired",
      floor(extract(epoch from i.expires_at) * 1000)::bigint as "expiresAtMs",
      floor(extract(epoch from i.created_at) * 1000)::bigint as "createdAtMs"
    from invitations i join organizations o on o.id = i.organization_id and o.deleted_at is null
    left join users u on u.id = i.invited_by
    left join memberships m on m.organization_id = o.id and m.user_id = i.invited_by
    left join management_keys k on k.organization_id = o.id and k.id = i.invited_by and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now())
    where ${which} and i.accepted_at is null and i.revoked_at is null
    order by i.id desc`
  return readRows(db, statement, InvitationRow)
}
