import { takeDueLedgerPushes } from '#db/queries/ledger-pushes/take-due-pushes.ts'
import { pushPending } from '#workers/services/ledger/push-pending.ts'
import type { Pushing } from '#workers/services/ledger/push-snapshot.ts'
import { pushesAtOnce, pushesBudgetMs, pushesTogether } from './limits.ts'

/** Tells the ledger objects of the changes that nobody has told them of: whoever made one died after its commit, or could not reach the object. */
export async function pushChanges(platform: Pushing): Promise<{ pushed: number; failed: number }> {
  const endsAtMs = Date.now() + pushesBudgetMs
  const counts = { pushed: 0, failed: 0 }
  for (let due = await takeDueLedgerPushes(platform.db, pushesTogether); due.length > 0; ) {
    const isLast = due.length < pushesTogether
    const waiting = [...due]
    const pushers = Array.from({ length: pushesAtOnce }, async () => {
      for (let organizationId = waiting.pop(); organizationId !== undefined; organizationId = waiting.pop())
        counts[(await pushPending(platform, organizationId)) ? 'pushed' : 'failed']++
    })
    await Promise.all(pushers)
    if (isLast || Date.now() >= endsAtMs) break
    due = await takeDueLedgerPushes(platform.db, pushesTogether)
  }
  return counts
}
