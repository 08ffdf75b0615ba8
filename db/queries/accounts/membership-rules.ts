import { and, eq, isNull } from 'drizzle-orm'
import type { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { memberships, organizations } from '../../schema/index.ts'

/** What somebody is in an organization, which nobody changes until the transaction ends; null when they do not belong to it. */
export async function lockRole(tx: Db, { organizationId, userId }: { organizationId: string; userId: string }): Promise<Role | null> {
  const [row] = await tx
    .select({ role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.organizationId, organizationId), eq(memberships.userId, userId)))
    .for('share')
  return row?.role ?? null
}

/** Whether an organization that somebody belongs to requires a second factor. */
export async function isSecondFactorRequired(db: Db, userId: string): Promise<boolean> {
  const requiring = await db
    .select({ id: organizations.id })
    .from(memberships)
    .innerJoin(organizations, eq(organizations.id, memberships.organizationId))
    .where(and(eq(memberships.userId, userId), eq(organizations.requireTwoFactor, true), isNull(organizations.deletedAt)))
    .limit(1)
  return requiring.length > 0
}
