import { and, eq } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { passkeys } from '../../schema/index.ts'

/** Deletes a person's passkey and tells its name; null when they have no such passkey. */
export async function deletePasskey(tx: Db, { userId, passkeyId }: { userId: string; passkeyId: string }): Promise<string | null> {
  const deleted = await tx
    .delete(passkeys)
    .where(and(eq(passkeys.id, passkeyId), eq(passkeys.userId, userId)))
    .returning({ name: passkeys.name })
  return deleted[0]?.name ?? null
}
