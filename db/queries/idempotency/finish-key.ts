import { and, eq } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { idempotencyKeys } from '../../schema/index.ts'

/** Keeps the answer, to be given again to whoever asks with the same key. */
export async function keepKeyedAnswer(db: Db, scope: string, key: string, kept: { status: number; answer: unknown }): Promise<void> {
  await db
    .update(idempotencyKeys)
    .set(kept)
    .where(and(eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.key, key)))
}

/** Gives a key back whose request was refused. */
export async function releaseIdempotencyKey(db: Db, scope: string, key: string): Promise<void> {
  await db.delete(idempotencyKeys).where(and(eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.key, key)))
}
