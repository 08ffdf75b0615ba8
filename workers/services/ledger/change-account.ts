import type { Db } from '#db/client.ts'
import { queueLedgerPush } from '#db/queries/ledger-pushes/queue-push.ts'
import type { Platform } from '../platform.ts'
import { pushPending } from './push-pending.ts'

/** How long whoever makes a change may take to tell the ledger object before others do, in milliseconds: longer than a push may take. */
const ownPushMs = 10_000

type Changing = Pick<Platform, 'db' | 'transact' | 'ledger'>

/**
 * Makes a change that a customer's ledger object must know of: the work raises `balance_version`, records the change in the audit log, and answers null
 * or an outcome `refused` when it changed nothing. A place in the outbox is committed with it: who dies between the commit and the push leaves it to the cron of the api Worker.
 * `pushed` is false when the object could not be reached now.
 */
export async function changeAccount<Value>(
  platform: Changing,
  organizationId: string,
  work: (tx: Db) => Promise<Value>,
): Promise<{ value: Value; pushed: boolean }> {
  const { value, pushed } = await changeAccounts(platform, async (tx) => {
    const done = await work(tx)
    return { value: done, changed: hasChanged(done) ? [organizationId] : [] }
  })
  return { value, pushed: hasChanged(value) && pushed }
}

function hasChanged(value: unknown): boolean {
  if (value === null) return false
  return typeof value !== 'object' || !('outcome' in value) || value.outcome !== 'refused'
}

/** As `changeAccount`, for work that finds out by itself which customers it changes; `pushed` is whether all of their objects were reached. */
export async function changeAccounts<Value>(
  platform: Changing,
  work: (tx: Db) => Promise<{ value: Value; changed: string[] }>,
): Promise<{ value: Value; pushed: boolean }> {
  const { value, changed } = await platform.transact(async (tx) => {
    const done = await work(tx)
    for (const organizationId of done.changed) await queueLedgerPush(tx, organizationId, ownPushMs)
    return done
  })
  const heard = await Promise.all(changed.map((organizationId) => pushPending(platform, organizationId)))
  return { value, pushed: heard.every(Boolean) }
}
