import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { memberships, organizations, users } from '../../schema/index.ts'

/** Notes that mail to the account's address was received; the first time counts. */
export async function setEmailVerified(tx: Db, userId: string): Promise<void> {
  await tx
    .update(users)
    .set({ emailVerifiedAt: sql`coalesce(${users.emailVerifiedAt}, now())` })
    .where(eq(users.id, userId))
}

export async function setPasswordHash(tx: Db, userId: string, passwordHash: string): Promise<void> {
  await tx.update(users).set({ passwordHash }).where(eq(users.id, userId))
}

/** Gives the account an address that has just received mail. An address of another account is a thrown violation of `users_email`. */
export async function setEmail(tx: Db, userId: string, email: string): Promise<void> {
  await tx.update(users).set({ email, emailVerifiedAt: sql`now()` }).where(eq(users.id, userId))
}

export async function setName(tx: Db, userId: string, name: string): Promise<void> {
  await tx.update(users).set({ name }).where(eq(users.id, userId))
}

/** Notes where the portal opens; false, and nothing is changed, when the account does not belong to that organization. */
export async function setCurrentOrganization(tx: Db, userId: string, organizationId: string): Promise<boolean> {
  const member = tx
    .select({ id: memberships.userId })
    .from(memberships)
    .innerJoin(organizations, and(eq(organizations.id, memberships.organizationId), isNull(organizations.deletedAt)))
    .where(and(eq(memberships.userId, userId), eq(memberships.organizationId, organizationId)))
  const changed = await tx
    .update(users)
    .set({ currentOrganizationId: organizationId })
    .where(and(eq(users.id, userId), sql`exists ${member}`))
    .returning({ id: users.id })
  return changed.length === 1
}
