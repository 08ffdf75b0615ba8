import { and, eq, isNotNull, isNull, lt, or, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { users } from '../../schema/index.ts'

/** Takes the code of a time step; false when that step or a later one was taken before. Of several at once one takes it. */
export async function takeTotpStep(tx: Db, userId: string, step: number): Promise<boolean> {
  const taken = await tx
    .update(users)
    .set({ totpLastStep: step })
    .where(
      and(
        eq(users.id, userId),
        isNull(users.deletedAt),
        isNotNull(users.totpEnabledAt),
        or(isNull(users.totpLastStep), lt(users.totpLastStep, step)),
      ),
    )
    .returning({ id: users.id })
  return taken.length === 1
}

/** From now on codes of an authenticator are asked for; the one of `step` has been taken. */
export async function enableTotp(tx: Db, userId: string, step: number): Promise<void> {
  await tx.update(users).set({ totpEnabledAt: sql`now()`, totpLastStep: step }).where(eq(users.id, userId))
}

export async function disableTotp(tx: Db, userId: string): Promise<void> {
  await tx.update(users).set({ totpEnabledAt: null, totpLastStep: null }).where(eq(users.id, userId))
}
