import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { users } from '../../schema/index.ts'

export interface SecondFactor {
  /** Since when codes of an authenticator are asked for; null when they are not. */
  totpEnabledAt: Date | null
  recoveryCodesLeft: number
}

/** What somebody has set up beside the first factor; null when there is no such person, or no longer. */
export async function readSecondFactor(db: Db, userId: string): Promise<SecondFactor | null> {
  const left = sql<number>`(select count(*) from recovery_codes r where r.user_id = ${users.id} and r.used_at is null)`.mapWith(Number)
  const [row] = await db
    .select({ totpEnabledAt: users.totpEnabledAt, recoveryCodesLeft: left })
    .from(users)
    .where(and(eq(users.id, userId), isNull(users.deletedAt)))
  return row ?? null
}
