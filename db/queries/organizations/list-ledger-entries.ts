import { and, desc, eq, inArray, lt } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { ledgerEntries } from '../../schema/index.ts'

export type LedgerEntryRow = typeof ledgerEntries.$inferSelect

/** Movements of an organization's balance, the newest first, before the given one; of all kinds when none is named. */
export function listLedgerEntries(
  db: Db,
  organizationId: string,
  page: { kinds?: LedgerEntryRow['kind'][] | undefined; beforeId: number | null; limit: number },
): Promise<LedgerEntryRow[]> {
  const { kinds, beforeId, limit } = page
  const before = beforeId === null ? undefined : lt(ledgerEntries.id, beforeId)
  const ofKinds = kinds === undefined ? undefined : inArray(ledgerEntries.kind, kinds)
  return db
    .select()
    .from(ledgerEntries)
    .where(and(eq(ledgerEntries.organizationId, organizationId), before, ofKinds))
    .orderBy(desc(ledgerEntries.id))
    .limit(limit)
}
