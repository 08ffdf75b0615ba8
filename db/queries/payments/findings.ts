import { and, desc, eq, isNotNull, isNull, lt } from 'drizzle-orm'
import { assert } from '#shared/values/assert.ts'
import type { Db } from '../../client.ts'
import { paymentFindings } from '../../schema/index.ts'

export type PaymentFindingRow = typeof paymentFindings.$inferSelect
export type NewFinding = Pick<PaymentFindingRow, 'objectId' | 'reason' | 'organizationId' | 'details'>

/** Notes what a person has to look at; once, however often it is found. */
export async function insertFinding(db: Db, finding: NewFinding): Promise<void> {
  await db.insert(paymentFindings).values(finding).onConflictDoNothing()
}

/** Whether a person has decided about an object of Stripe's: what they did by hand must not be done again. */
export async function isDecidedByPerson(db: Db, objectId: string): Promise<boolean> {
  const decided = and(eq(paymentFindings.objectId, objectId), isNotNull(paymentFindings.resolvedAt))
  const [row] = await db.select({ id: paymentFindings.id }).from(paymentFindings).where(decided).limit(1)
  return row !== undefined
}

/** Findings, the newest first; the last id of a page asks for the next. */
export function listFindings(db: Db, page: { onlyOpen: boolean; beforeId?: number; limit: number }): Promise<PaymentFindingRow[]> {
  const before = page.beforeId === undefined ? undefined : lt(paymentFindings.id, page.beforeId)
  const open = page.onlyOpen ? isNull(paymentFindings.resolvedAt) : undefined
  return db.select().from(paymentFindings).where(and(before, open)).orderBy(desc(paymentFindings.id)).limit(page.limit)
}

/** The finding with this id, which nobody else can resolve before the transaction ends. */
export async function lockFinding(tx: Db, id: number): Promise<PaymentFindingRow | null> {
  const [row] = await tx.select().from(paymentFindings).where(eq(paymentFindings.id, id)).for('update')
  return row ?? null
}

/** Keeps what was decided about a finding that the transaction has locked. */
export async function resolveFinding(tx: Db, id: number, by: { resolvedBy: string; resolution: string }): Promise<PaymentFindingRow> {
  const [row] = await tx
    .update(paymentFindings)
    .set({ ...by, resolvedAt: new Date() })
    .where(eq(paymentFindings.id, id))
    .returning()
  assert(row, 'a locked finding is there')
  return row
}
