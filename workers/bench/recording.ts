import { deepStrictEqual } from 'node:assert'
import { openNodeDb } from '#db/node-client.ts'
import { reconcile } from '#db/queries/reconcile.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { newCustomer, settlementEvent } from '#db/testing/usage-events.ts'

export interface RecordingResult {
  /** Events of one call, which is one transaction. */
  batchEvents: number
  calls: number
  recordsPerSecond: number
}

/** Events of one queue message: what the ledger packs into 100 KB is about this many. */
const messageEvents = 100

/** How fast one consumer records usage: calls of recordUsage one after another on one connection, to the server the benchmark runs on. */
export async function measureRecording(databaseUrl: string, batchEvents: number, seconds: number): Promise<RecordingResult> {
  const { db, close } = openNodeDb(databaseUrl, 1)
  try {
    const messages = Math.ceil(batchEvents / messageEvents)
    const organizationIds = await Promise.all(Array.from({ length: messages }, () => newCustomer(db)))
    const makeBatch = () =>
      organizationIds.map((organizationId) => ({
        organizationId,
        events: Array.from({ length: batchEvents / messages }, () => settlementEvent()),
      }))
    await recordUsage(db, makeBatch())
    let calls = 0
    let spentMs = 0
    while (spentMs < seconds * 1_000) {
      const batch = makeBatch() // Made outside the time that counts.
      const startedAtMs = performance.now()
      const accounts = await recordUsage(db, batch)
      spentMs += performance.now() - startedAtMs
      calls += 1
      const recorded = accounts.reduce((sum, account) => sum + account.recorded, 0)
      deepStrictEqual(recorded, batchEvents, 'events were not recorded')
    }
    for (const organizationId of organizationIds) deepStrictEqual(await reconcile(db, organizationId), [], 'the books do not reconcile')
    return { batchEvents, calls, recordsPerSecond: (calls * batchEvents * 1_000) / spentMs }
  } finally {
    await close()
  }
}
