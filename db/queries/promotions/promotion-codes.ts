import { asc, eq, gt, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { promotionCodes } from '../../schema/index.ts'

export type PromotionCodeRow = typeof promotionCodes.$inferSelect

/** Answers null when there is such a code already, and changes nothing then. */
export async function addPromotionCode(tx: Db, code: typeof promotionCodes.$inferInsert): Promise<PromotionCodeRow | null> {
  const [row] = await tx.insert(promotionCodes).values(code).onConflictDoNothing().returning()
  return row ?? null
}

/** A code that nobody else redeems or disables until the transaction ends. Who locks an organization as well locks that first. */
export async function lockPromotionCode(tx: Db, code: string): Promise<PromotionCodeRow | null> {
  const [row] = await tx.select().from(promotionCodes).where(eq(promotionCodes.code, code)).for('update')
  return row ?? null
}

export async function countRedemption(tx: Db, code: string): Promise<void> {
  const redemptions = sql`${promotionCodes.redemptions} + 1`
  await tx.update(promotionCodes).set({ redemptions }).where(eq(promotionCodes.code, code))
}

export async function markCodeDisabled(tx: Db, code: string, disabledAt: Date): Promise<void> {
  await tx.update(promotionCodes).set({ disabledAt }).where(eq(promotionCodes.code, code))
}

/** Codes in their alphabetical order, after the given one. */
export function listPromotionCodes(db: Db, { afterCode, limit }: { afterCode: string; limit: number }): Promise<PromotionCodeRow[]> {
  return db.select().from(promotionCodes).where(gt(promotionCodes.code, afterCode)).orderBy(asc(promotionCodes.code)).limit(limit)
}
