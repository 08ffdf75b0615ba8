import { and, asc, desc, eq, gt, isNull, lt, lte, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { creditGrants, organizations } from '../../schema/index.ts'

export type CreditGrantRow = typeof creditGrants.$inferSelect

/** Answers null when the organization has redeemed the code before, or the idempotency key stands for another grant; nothing is changed then. */
export async function addCreditGrant(tx: Db, grant: typeof creditGrants.$inferInsert): Promise<CreditGrantRow | null> {
  const [row] = await tx.insert(creditGrants).values(grant).onConflictDoNothing().returning()
  return row ?? null
}

export async function findGrantOfKey(db: Db, idempotencyKey: string): Promise<CreditGrantRow | null> {
  const [row] = await db.select().from(creditGrants).where(eq(creditGrants.idempotencyKey, idempotencyKey))
  return row ?? null
}

export async function hasRedeemed(db: Db, organizationId: string, code: string): Promise<boolean> {
  const ofCode = and(eq(creditGrants.organizationId, organizationId), eq(creditGrants.code, code))
  return (await db.select({ id: creditGrants.id }).from(creditGrants).where(ofCode)).length > 0
}

/** Grants of an organization, the newest first, before the given one. */
export function listCreditGrants(
  db: Db,
  organizationId: string,
  { beforeId, limit }: { beforeId: string | null; limit: number },
): Promise<CreditGrantRow[]> {
  const before = beforeId === null ? undefined : lt(creditGrants.id, beforeId)
  return db
    .select()
    .from(creditGrants)
    .where(and(eq(creditGrants.organizationId, organizationId), before))
    .orderBy(desc(creditGrants.id))
    .limit(limit)
}

/** Organizations, after the given one, that have a grant which ended by then and of which the rest was not taken back. */
export async function listOrganizationsWithEndedGrants(
  db: Db,
  { endedBy, afterId, limit }: { endedBy: Date; afterId: string; limit: number },
): Promise<string[]> {
  const rows = await db
    .selectDistinct({ id: creditGrants.organizationId })
    .from(creditGrants)
    .where(and(isNull(creditGrants.expiredAt), lte(creditGrants.expiresAt, endedBy), gt(creditGrants.organizationId, afterId)))
    .orderBy(asc(creditGrants.organizationId))
    .limit(limit)
  return rows.map(({ id }) => id)
}

/** The promotional credit of an organization as it was settled last, and what its requests have spent since. */
export interface GrantsToSettle {
  balanceNanos: number
  /** Below zero after adjustments in the customer's favour; in all it may exceed a safe integer. */
  spentNanos: bigint
  /** Those that were not taken back. */
  grants: CreditGrantRow[]
}

/** All of it as of one moment; null when there is no such organization. */
export async function readGrantsToSettle(db: Db, organizationId: string): Promise<GrantsToSettle | null> {
  const rows = await db
    .select({
      balanceNanos: organizations.balanceNanos,
      spentNanos: sql`(${organizations.spentNanos} - ${organizations.grantsSpentNanos})::text`.mapWith(BigInt),
      grant: creditGrants,
    })
    .from(organizations)
    .leftJoin(creditGrants, and(eq(creditGrants.organizationId, organizations.id), isNull(creditGrants.expiredAt)))
    .where(eq(organizations.id, organizationId))
  const [first] = rows
  return first ? { ...first, grants: rows.flatMap(({ grant }) => grant ?? []) } : null
}

/** Notes what is left of these grants when all is set against them that was spent until now; call it under the lock under which that was read. */
export async function saveSettledGrants(tx: Db, organizationId: string, grants: CreditGrantRow[]): Promise<void> {
  for (const { id, remainingNanos } of grants) await tx.update(creditGrants).set({ remainingNanos }).where(eq(creditGrants.id, id))
  const grantsSpentNanos = sql`greatest(${organizations.grantsSpentNanos}, ${organizations.spentNanos})`
  await tx.update(organizations).set({ grantsSpentNanos }).where(eq(organizations.id, organizationId))
}

/** Ends a grant: nothing is left of it. */
export async function markGrantExpired(tx: Db, grantId: string, expiredAt: Date): Promise<void> {
  await tx.update(creditGrants).set({ expiredAt, remainingNanos: 0 }).where(eq(creditGrants.id, grantId))
}
