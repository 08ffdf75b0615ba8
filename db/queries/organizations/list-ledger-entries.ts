import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm'
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
  // Said in the words of the index `ledger_entries_rare`: the planner cannot tell from parameters that it would do.
  const rare = kinds === undefined || kinds.includes('settlement') ? undefined : sql`${ledgerEntries.kind} <> 'settlement'`
  return db
    .select()
    .from(ledgerEntries)
    .where(and(eq(ledgerEntries.organizationId, organizationId), before, ofKinds, rare))
    .orderBy(desc(ledgerEntries.id))
    .limit(limit)
}
