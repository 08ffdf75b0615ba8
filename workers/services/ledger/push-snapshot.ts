import type { Db } from '#db/client.ts'
import { readAccountSnapshot } from '#db/queries/read-account-snapshot.ts'
import { logFailure } from '#workers/edge/log.ts'
import { withinMs } from '../within.ts'
import type { LedgerObject } from './namespace.ts'

/** How long a committed change waits for the ledger object, in milliseconds; whoever made it should not wait for a lost Worker. */
const pushTimeoutMs = 5_000

export interface Pushing {
  db: Db
  ledger: { getByName(organizationId: string): Pick<LedgerObject, 'refresh'> }
}

/**
 * Tells a customer's ledger object what Postgres holds now; call it after the commit. Answers the version that the object heard of, or null: the change
 * then stands, and the object learns of it when its snapshot's time to live runs out. May be called twice: versions order the snapshots.
 */
export async function pushSnapshot(platform: Pushing, organizationId: string): Promise<number | null> {
  try {
    const snapshot = await readAccountSnapshot(platform.db, organizationId)
    if (!snapshot) return null
    await withinMs(pushTimeoutMs, platform.ledger.getByName(organizationId).refresh({ snapshot }))
    return snapshot.version
  } catch (error) {
    logFailure('snapshot_not_pushed', error, { organizationId })
    return null
  }
}
