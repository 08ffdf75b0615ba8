import { type ParkedEvent, parkEvents } from '#db/queries/park-events.ts'
import { postgresErrorOf } from '#db/statements.ts'
import { eventIdOf, type UsageBatch } from '#shared/contracts/usage-event.ts'
import { nudgeWebhooks } from '#workers/services/events/nudge-webhooks.ts'
import { pushSnapshot } from '#workers/services/ledger/push-snapshot.ts'
import type { LedgerNamespace, Platform } from './env.ts'
import { maxRetryDelaySeconds, retryDelaySeconds } from './limits.ts'
import { readMessage } from './read-message.ts'
import { type Recording, record } from './record.ts'

/** What the consumer uses of a queue's message. */
export interface QueueMessage {
  readonly body: unknown
  readonly attempts: number
  ack(): void
  retry(options: { delaySeconds: number }): void
}

/** One line of log: counts and time, never content. */
export interface ConsumeSummary {
  event: 'usage_consumed'
  messages: number
  events: number
  /** New in Postgres; the difference to `events` was recorded before or parked. */
  recorded: number
  /** Balances that ran low or out by what was recorded. */
  raised: number
  /** Provider credentials that were paused. */
  paused: number
  parked: number
  retried: number
  durationMs: number
  /** Why messages are delivered again; null when none is. */
  error: string | null
}

/**
 * Records what the messages carry, tells each customer's ledger object, and the webhooks Worker of the events that came of it. A message is acknowledged only when its events are in Postgres, or
 * parked there, and the object has heard; otherwise it is delivered again, which can only repeat what was done. Never throws.
 */
export async function consume(platform: Platform, messages: readonly QueueMessage[]): Promise<ConsumeSummary> {
  const startedMs = Date.now()
  const read = await Promise.all(messages.map(async (message) => ({ message, ...(await readMessage(message.body)) })))
  const batches = read.flatMap(({ batch }) => batch ?? [])
  const summary: ConsumeSummary = {
    event: 'usage_consumed',
    messages: messages.length,
    events: batches.reduce((events, batch) => events + batch.events.length, 0),
    recorded: 0,
    raised: 0,
    paused: 0,
    parked: 0,
    retried: 0,
    durationMs: 0,
    error: null,
  }
  const deaf = await recordAndConfirm(
    platform,
    batches,
    read.flatMap(({ broken }) => broken),
    summary,
  )
  for (const { message, batch } of read) {
    if (deaf === 'all' || (batch && deaf.has(batch.organizationId))) {
      message.retry({ delaySeconds: retryAfterSeconds(message.attempts) })
      summary.retried++
    } else message.ack()
  }
  summary.durationMs = Date.now() - startedMs
  return summary
}

/** Answers the customers whose messages must come again; `all` when Postgres did not commit everything. */
async function recordAndConfirm(
  platform: Platform,
  batches: UsageBatch[],
  broken: ParkedEvent[],
  summary: ConsumeSummary,
): Promise<Set<string> | 'all'> {
  try {
    const recording = await record(platform.db, batches, Date.now())
    const parked = [...broken, ...recording.refused]
    await parkEvents(platform.db, parked)
    summary.parked = parked.length
    for (const account of recording.accounts.values()) {
      summary.recorded += account.recorded
      summary.raised += account.raised
      summary.paused += account.paused
    }
    const [deaf] = await Promise.all([
      confirm(platform.ledger, batches, recording),
      pushPauses(platform, recording),
      nudgeWebhooks(platform.webhooks, toldIn(recording)),
    ])
    if (deaf.size > 0) summary.error = 'ledger object not reached'
    return deaf
  } catch (error) {
    // The error's message would show the statement's parameters.
    summary.error = postgresErrorOf(error)?.sqlState ?? (error instanceof Error ? error.name : 'unknown')
    return 'all'
  }
}

/**
 * Tells each customer's object which events Postgres holds. Parked events are not among them: their debit stays in the object, which sends
 * them again, until somebody removes the cause. Answers the customers whose object did not hear.
 */
async function confirm(ledger: LedgerNamespace<'applied'>, batches: UsageBatch[], recording: Recording): Promise<Set<string>> {
  const refused = new Set(recording.refused.map((event) => event.eventId))
  const eventIdsOf = new Map<string, string[]>()
  for (const { organizationId, events } of batches) {
    const held = events.map(eventIdOf).filter((eventId) => !refused.has(eventId))
    eventIdsOf.set(organizationId, [...(eventIdsOf.get(organizationId) ?? []), ...held])
  }
  const deaf = new Set<string>()
  const calls = [...recording.accounts.values()].map(async ({ organizationId, balanceNanos, version }) => {
    const eventIds = eventIdsOf.get(organizationId) ?? []
    if (eventIds.length === 0) return
    try {
      await ledger.getByName(organizationId).applied({ eventIds, balanceNanos, version })
    } catch {
      deaf.add(organizationId)
    }
  })
  await Promise.all(calls)
  return deaf
}

/** Proxies learn of a paused credential at once. Where an object does not hear, its messages are done all the same: its snapshot grows old. */
async function pushPauses(platform: Platform, { accounts }: Recording): Promise<void> {
  const changed = [...accounts.values()].filter(({ paused }) => paused > 0)
  await Promise.all(changed.map(({ organizationId }) => pushSnapshot(platform, organizationId)))
}

/** The customers of whom what was recorded made events. */
function toldIn({ accounts }: Recording): string[] {
  return [...accounts.values()].filter(({ raised, paused }) => raised + paused > 0).map(({ organizationId }) => organizationId)
}

/** Doubles with each attempt, and is spread so that messages that failed together do not return together. */
function retryAfterSeconds(attempts: number): number {
  const longest = Math.min(retryDelaySeconds * 2 ** Math.max(0, attempts - 1), maxRetryDelaySeconds)
  return Math.ceil(longest * (0.5 + Math.random() / 2))
}
