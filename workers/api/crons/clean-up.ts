import type { Db } from '#db/client.ts'
import {
  deleteOldRequestLogs,
  deleteOutdated,
  deleteSpentSigningKeys,
  forgetRetiredReceiptKeys,
  outdatedTables,
} from '#db/queries/cleanup/outdated.ts'
import { verifiedMs } from '../limits.ts'
import { cleanUpBudgetMs, rowsTogether } from './limits.ts'

/** Deletes what has served its time, in batches that lock little and for a moment; what the time of a run is too short for waits for the next day. */
export async function cleanUp(db: Db): Promise<Record<string, number>> {
  const endsAtMs = Date.now() + cleanUpBudgetMs
  const counts: Record<string, number> = {
    signing_keys: await deleteSpentSigningKeys(db, verifiedMs),
    receipt_secrets: await forgetRetiredReceiptKeys(db),
  }
  const jobs = [
    ...outdatedTables.map((table) => [table, () => deleteOutdated(db, table, rowsTogether)] as const),
    ['request_logs', () => deleteOldRequestLogs(db, rowsTogether)] as const,
  ]
  for (const [name, deleteSome] of jobs) {
    let total = 0
    for (let deleted = rowsTogether; deleted === rowsTogether && Date.now() < endsAtMs; total += deleted) deleted = await deleteSome()
    counts[name] = total
  }
  return counts
}
