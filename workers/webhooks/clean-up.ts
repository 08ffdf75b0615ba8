import type { Db } from '#db/client.ts'
import { deleteOldDeliveries } from '#db/queries/webhooks/delete-old-deliveries.ts'
import { cleanUpBudgetMs, keptDays, rowsTogether } from './limits.ts'

/** Deletes deliveries that are kept no longer, in batches; what the time of a run is too short for waits for the next day. */
export async function cleanUp(db: Db): Promise<{ deleted: number }> {
  const endsAtMs = Date.now() + cleanUpBudgetMs
  let deleted = 0
  for (let some = rowsTogether; some === rowsTogether && Date.now() < endsAtMs; deleted += some)
    some = await deleteOldDeliveries(db, keptDays, rowsTogether)
  return { deleted }
}
