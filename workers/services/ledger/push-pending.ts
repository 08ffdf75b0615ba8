import { finishLedgerPush } from '#db/queries/ledger-pushes/finish-push.ts'
import { logFailure } from '#workers/edge/log.ts'
import { type Pushing, pushSnapshot } from './push-snapshot.ts'

/** Tells a customer's ledger object what Postgres holds now, and takes the customer out of the outbox. Answers whether the object heard. */
export async function pushPending(platform: Pushing, organizationId: string): Promise<boolean> {
  const version = await pushSnapshot(platform, organizationId)
  if (version === null) return false
  // The object has heard. A row that stays is told once more.
  await finishLedgerPush(platform.db, organizationId, version).catch((error: unknown) =>
    logFailure('push_not_finished', error, { organizationId }),
  )
  return true
}
