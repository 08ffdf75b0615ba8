import type { Db } from '#db/client.ts'
import { findUserByEmail } from '#db/queries/accounts/find-user.ts'
import { verifyPassword } from './passwords.ts'

/** Whose password it is; null alike when the address has no account, or one without a password, or another password: it takes as long, too. */
export async function findByPassword(
  db: Db,
  { email, password }: { email: string; password: string },
): Promise<{ userId: string; isEmailVerified: boolean } | null> {
  const user = await findUserByEmail(db, email)
  const isRight = await verifyPassword(password, user?.passwordHash ?? null)
  return user && isRight ? { userId: user.id, isEmailVerified: user.emailVerifiedAt !== null } : null
}
