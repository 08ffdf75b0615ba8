import { eq } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { memberships, organizations, users } from '../../schema/index.ts'

export interface AccountToInsert {
  userId: string
  email: string
  name: string
  passwordHash: string | null
  emailVerified: boolean
  /** The organization that is the person's own. */
  organization: { organizationId: string; name: string }
}

/** A person, with the organization of their own that they own and begin in; false, and nothing is written, when the address is taken. */
export async function insertAccount(tx: Db, { userId, organization, emailVerified, ...account }: AccountToInsert): Promise<boolean> {
  const emailVerifiedAt = emailVerified ? new Date() : null
  const inserted = await tx
    .insert(users)
    .values({ id: userId, emailVerifiedAt, ...account })
    .onConflictDoNothing({ target: users.email })
    .returning({ id: users.id })
  if (inserted.length === 0) return false
  const { organizationId, name } = organization
  await tx.insert(organizations).values({ id: organizationId, name, personal: true })
  await tx.insert(memberships).values({ organizationId, userId, role: 'owner' })
  await tx.update(users).set({ currentOrganizationId: organizationId }).where(eq(users.id, userId))
  return true
}
