import type { Db } from '#db/client.ts'
import { ensurePartitions } from '#db/queries/ensure-partitions.ts'
import type { ParkedEvent } from '#db/queries/park-events.ts'
import { isMissingPartition, type RecordedAccount, recordUsage } from '#db/queries/record-usage.ts'
import { postgresErrorOf } from '#db/statements.ts'
import { eventIdOf, type UsageBatch } from '#shared/contracts/usage-event.ts'
import { partitionWindowMonths } from './limits.ts'

export interface Recording {
  /** Each customer's balance after the last transaction that named it. */
  accounts: Map<string, RecordedAccount>
  /** Events that Postgres refuses for what they say. */
  refused: ParkedEvent[]
}

/**
 * Records all batches in one transaction when it can. When Postgres refuses their content, it halves them until the event at fault stands
 * alone, and records the others. Throws when Postgres could not be asked; what was recorded by then is a duplicate next time.
 */
export async function record(db: Db, batches: UsageBatch[], nowMs: number): Promise<Recording> {
  const recording: Recording = { accounts: new Map(), refused: [] }
  const waiting = batches.length > 0 ? [batches] : []
  for (let some = waiting.pop(); some; some = waiting.pop()) {
    const reason = await tryRecording(db, some, nowMs, recording)
    if (reason === null) continue
    const halves = halve(some)
    if (halves) waiting.push(...halves)
    else recording.refused.push(...refusedEvents(some, reason))
  }
  return recording
}

/** Answers null when the batches are recorded, or why Postgres refuses something in them. */
async function tryRecording(db: Db, batches: UsageBatch[], nowMs: number, recording: Recording): Promise<string | null> {
  try {
    const accounts = await recordMakingPartitions(db, batches, nowMs)
    for (const account of accounts) {
      const earlier = recording.accounts.get(account.organizationId)
      const recorded = account.recorded + (earlier?.recorded ?? 0)
      const raised = account.raised + (earlier?.raised ?? 0)
      const paused = account.paused + (earlier?.paused ?? 0)
      recording.accounts.set(account.organizationId, { ...account, recorded, raised, paused })
    }
    const known = new Set(accounts.map((account) => account.organizationId))
    const unknown = batches.filter((batch) => !known.has(batch.organizationId))
    recording.refused.push(...refusedEvents(unknown, 'organization unknown'))
    return null
  } catch (error) {
    const postgresError = postgresErrorOf(error)
    if (!postgresError || !isAboutContent(postgresError.sqlState)) throw error
    return `SQLSTATE ${postgresError.sqlState} ${postgresError.constraint ?? ''}`.trimEnd()
  }
}

async function recordMakingPartitions(db: Db, batches: UsageBatch[], nowMs: number): Promise<RecordedAccount[]> {
  try {
    return await recordUsage(db, batches)
  } catch (error) {
    if (!isMissingPartition(error)) throw error
    await ensurePartitions(db, momentsOf(batches).filter(isNear(nowMs)))
    return await recordUsage(db, batches)
  }
}

function momentsOf(batches: UsageBatch[]): number[] {
  return batches.flatMap((batch) => batch.events.flatMap((event) => [event.settledAtMs, event.request.startedAtMs]))
}

function isNear(nowMs: number): (momentMs: number) => boolean {
  const windowMs = partitionWindowMonths * 31 * 86_400_000
  return (momentMs) => Math.abs(momentMs - nowMs) <= windowMs
}

/** Data exceptions, violated constraints and exceeded sizes follow from the content alone; all else may pass the next time. */
function isAboutContent(sqlState: string): boolean {
  return ['22', '23', '54'].includes(sqlState.slice(0, 2))
}

/** Halves by messages, then by events; null for a single event. */
function halve(batches: UsageBatch[]): UsageBatch[][] | null {
  if (batches.length > 1) return split(batches)
  const [batch] = batches
  if (!batch || batch.events.length < 2) return null
  return split(batch.events).map((events) => [{ ...batch, events }])
}

function split<Item>(items: Item[]): [Item[], Item[]] {
  const middle = items.length >> 1
  return [items.slice(0, middle), items.slice(middle)]
}

function refusedEvents(batches: UsageBatch[], reason: string): ParkedEvent[] {
  return batches.flatMap(({ organizationId, events }) =>
    events.map((event) => ({ eventId: eventIdOf(event), reason, body: { organizationId, event } })),
  )
}
