import { and, asc, between, eq } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { usageDaily } from '../schema/index.ts'

export type UsageDailyRow = typeof usageDaily.$inferSelect

/** A customer's daily sums per key and model, both days (UTC, `2026-01-31`) included. */
export function readUsageDaily(db: Db, range: { organizationId: string; fromDay: string; toDay: string }): Promise<UsageDailyRow[]> {
  return db
    .select()
    .from(usageDaily)
    .where(and(eq(usageDaily.organizationId, range.organizationId), between(usageDaily.day, range.fromDay, range.toDay)))
    .orderBy(asc(usageDaily.day), asc(usageDaily.keyId), asc(usageDaily.model))
}
