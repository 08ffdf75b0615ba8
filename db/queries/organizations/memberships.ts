import { and, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { memberships } from '../../schema/index.ts'
import { readRows } from '../../statements.ts'

const Membership = z.object({ role: Role, isLastOwner: z.boolean() })
export type Membership = z.infer<typeof Membership>

/** What somebody is in an organization; null when they do not belong to it. Holds for as long as the organization is locked. */
export async function readMembership(tx: Db, organizationId: string, userId: string): Promise<Membership | null> {
  const statement = sql`
    select m.role, m.role = 'owner' and not exists (
      select from memberships other where other.organization_id = m.organization_id and other.role = 'owner' and other.user_id <> m.user_id
    ) as "isLastOwner"
    from memberships m where m.organization_id = ${organizationId} and m.user_id = ${userId}`
  const [row] = await readRows(tx, statement, Membership)
  return row ?? null
}

/** Makes somebody a member. Answers false, and changes nothing, when they are one already. */
export async function addMembership(tx: Db, membership: { organizationId: string; userId: string; role: Role }): Promise<boolean> {
  const added = await tx.insert(memberships).values(membership).onConflictDoNothing().returning({ userId: memberships.userId })
  return added.length === 1
}

export async function setRole(tx: Db, organizationId: string, userId: string, role: Role): Promise<void> {
  await tx.update(memberships).set({ role }).where(membershipOf(organizationId, userId))
}

export async function removeMembership(tx: Db, organizationId: string, userId: string): Promise<void> {
  await tx.delete(memberships).where(membershipOf(organizationId, userId))
}

function membershipOf(organizationId: string, userId: string) {
  return and(eq(memberships.organizationId, organizationId), eq(memberships.userId, userId))
}
