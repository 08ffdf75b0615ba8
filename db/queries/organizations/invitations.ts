import { and, eq, isNull, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { invitations } from '../../schema/index.ts'
import { readRows, SafeBigint } from '../../statements.ts'

export interface InvitationToAdd {
  invitationId: string
  organizationId: string
  email: string
  role: Role
  invitedBy: string
  expiresAt: Date
}

/** Adds an invitation; the same address may have no other that is open. */
export async function addInvitation(tx: Db, { invitationId, ...invitation }: InvitationToAdd): Promise<void> {
  await tx.insert(invitations).values({ id: invitationId, ...invitation })
}

/** Takes back the open invitation of an address, and answers which it was; null when there was none. */
export async function replaceInvitation(tx: Db, organizationId: string, email: string): Promise<string | null> {
  const address = and(eq(invitations.organizationId, organizationId), eq(invitations.email, email))
  const [revoked] = await tx
    .update(invitations)
    .set({ revokedAt: new Date() })
    .where(and(address, isOpen))
    .returning({ id: invitations.id })
  return revoked?.id ?? null
}

/** Whether an address belongs to a member, and how many invitations of the organization are open. */
export async function readInvitationRoom(tx: Db, organizationId: string, email: string): Promise<{ isMember: boolean; open: number }> {
  const statement = sql`
    select
      exists (select from memberships m join users u on u.id = m.user_id where m.organization_id = ${organizationId} and u.email = ${email}) as "isMember",
      (select count(*) from invitations i where i.organization_id = ${organizationId} and i.accepted_at is null and i.revoked_at is null) as open`
  const [row] = await readRows(tx, statement, z.object({ isMember: z.boolean(), open: SafeBigint }))
  return row ?? { isMember: false, open: 0 }
}

/** Gives an open invitation more time, in the name of whoever sends it once more. */
export async function renewInvitation(tx: Db, invitationId: string, change: { invitedBy: string; expiresAt: Date }): Promise<void> {
  await tx.update(invitations).set(change).where(eq(invitations.id, invitationId))
}

export async function endInvitation(tx: Db, invitationId: string, end: { acceptedAt: Date } | { revokedAt: Date }): Promise<void> {
  await tx
    .update(invitations)
    .set(end)
    .where(and(eq(invitations.id, invitationId), isOpen))
}

const isOpen = and(isNull(invitations.acceptedAt), isNull(invitations.revokedAt))
