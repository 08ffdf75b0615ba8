import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { mailTokens } from '../../schema/index.ts'
import { lockUser, type UserRow } from './find-user.ts'

export type MailTokenRow = typeof mailTokens.$inferSelect
export type MailPurpose = MailTokenRow['purpose']

export interface MailTokenToInsert {
  id: string
  purpose: MailPurpose
  userId: string
  email: string
  validMs: number
}

/** Adds a link that a mail will carry. */
export async function insertMailToken(tx: Db, { validMs, ...token }: MailTokenToInsert): Promise<void> {
  await tx.insert(mailTokens).values({ ...token, expiresAt: sql`now() + make_interval(secs => ${validMs / 1_000})` })
}

/** A link of this purpose that can still be used; null when there is none. */
export async function findMailToken(db: Db, id: string, purpose: MailPurpose): Promise<MailTokenRow | null> {
  const isOpen = and(isNull(mailTokens.usedAt), gt(mailTokens.expiresAt, sql`now()`))
  const [row] = await db
    .select()
    .from(mailTokens)
    .where(and(eq(mailTokens.id, id), eq(mailTokens.purpose, purpose), isOpen))
  return row ?? null
}

/**
 * Uses a link, once: of two at once, the second finds it used. The account stays locked until the transaction ends. All other links of the account end with
 * it, since they may lie in a mailbox that is no longer its owner's. Null, and nothing is changed, when it cannot be used.
 */
export async function takeMailToken(tx: Db, id: string, purpose: MailPurpose): Promise<{ token: MailTokenRow; user: UserRow } | null> {
  const named = await findMailToken(tx, id, purpose)
  const user = named && (await lockUser(tx, named.userId))
  // Read again: what the lock waited for may have used it.
  const token = user && (await findMailToken(tx, id, purpose))
  if (!token) return null
  await spendMailTokens(tx, user.id)
  return { token, user }
}

/** Ends all links of an account that were not used; they are then like used ones. */
export async function spendMailTokens(tx: Db, userId: string): Promise<void> {
  await tx
    .update(mailTokens)
    .set({ usedAt: sql`now()` })
    .where(and(eq(mailTokens.userId, userId), isNull(mailTokens.usedAt)))
}
