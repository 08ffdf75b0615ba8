import { and, eq } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { passkeys } from '../../schema/index.ts'
import { type PasskeyRow, passkeyColumns } from './list-passkeys.ts'

/** Gives a person's passkey another name, and tells the one before; null when they have no such passkey. */
export async function renamePasskey(
  tx: Db,
  { userId, passkeyId, name }: { userId: string; passkeyId: string; name: string },
): Promise<{ before: string; row: PasskeyRow } | null> {
  const theirs = and(eq(passkeys.id, passkeyId), eq(passkeys.userId, userId))
  const [found] = await tx.select({ before: passkeys.name }).from(passkeys).where(theirs).for('update')
  const [row] = await tx.update(passkeys).set({ name }).where(theirs).returning(passkeyColumns)
  return found && row ? { before: found.before, row } : null
}
