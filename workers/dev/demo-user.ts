import { randomBytes } from 'node:crypto'
import { eq } from 'drizzle-orm'
import { openNodeDb } from '#db/node-client.ts'
import { findUserByEmail } from '#db/queries/accounts/find-user.ts'
import { memberships, users } from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import { hashPassword, verifyPassword } from '#workers/api/identity/passwords.ts'

const email = 'demo@example.com'

/**
 * Makes sure of a person who owns the demo organization and can sign in. The password of an earlier run is handed back while it still works; the database
 * keeps only its hash. May be called on every start.
 */
export async function seedDemoUser(
  databaseUrl: string,
  organizationId: string,
  earlierPassword: string | undefined,
): Promise<{ email: string; password: string }> {
  const { db, close } = openNodeDb(databaseUrl, 1)
  try {
    const present = await findUserByEmail(db, email)
    const isKept = earlierPassword !== undefined && present !== null && (await verifyPassword(earlierPassword, present.passwordHash))
    const password = isKept ? earlierPassword : randomBytes(12).toString('base64url')
    const userId = present?.id ?? newId('usr')
    if (!present) await db.insert(users).values({ id: userId, email, name: 'Demo', currentOrganizationId: organizationId })
    if (!isKept) {
      const set = { passwordHash: await hashPassword(password), emailVerifiedAt: new Date() }
      await db.update(users).set(set).where(eq(users.id, userId))
    }
    await db.insert(memberships).values({ organizationId, userId, role: 'owner' }).onConflictDoNothing()
    return { email, password }
  } finally {
    await close()
  }
}
