import { z } from 'zod'
import type { ParkedEvent } from '#db/queries/park-events.ts'
import { UsageBatch, UsageEvent } from '#shared/contracts/usage-event.ts'
import { unpackUsageMessage } from '#shared/contracts/usage-message.ts'
import { maxBrokenIdLength } from './limits.ts'

export interface ReadMessage {
  /** The events that can be recorded; null when there is none. */
  batch: UsageBatch | null
  /** What will never parse, however often it is delivered. */
  broken: ParkedEvent[]
}

/** Reads a message of the queue. One broken event does not spoil its neighbours. */
export async function readMessage(body: unknown): Promise<ReadMessage> {
  const value = await unpackUsageMessage(body)
  const whole = UsageBatch.safeParse(value)
  if (whole.success) return { batch: whole.data, broken: [] }
  const envelope = Envelope.safeParse(value)
  if (!envelope.success) return { batch: null, broken: [broken(null, null, envelope.error)] }

  const { organizationId } = envelope.data
  const read: ReadMessage = { batch: null, broken: [] }
  const events: UsageEvent[] = []
  for (const part of envelope.data.events) {
    const event = UsageEvent.safeParse(part)
    if (event.success) events.push(event.data)
    else read.broken.push(broken(organizationId, brokenEventId(part), event.error))
  }
  if (events.length > 0) read.batch = { organizationId, events }
  return read
}

const Envelope = z.object({ organizationId: z.string().max(maxBrokenIdLength), events: z.array(z.unknown()).min(1) })

const Identity = z.object({ kind: z.string().max(16), request: z.object({ requestId: z.string().max(maxBrokenIdLength) }) })

function brokenEventId(part: unknown): string | null {
  const identity = Identity.safeParse(part)
  return identity.success ? `${identity.data.request.requestId}:${identity.data.kind}` : null
}

/** Keeps where it broke, not what stood there: nobody checked that to be metadata. */
function broken(organizationId: string | null, eventId: string | null, error: z.ZodError): ParkedEvent {
  const issues = error.issues.slice(0, 10).map((issue) => ({ path: issue.path.join('.').slice(0, 200), code: issue.code }))
  return { eventId, reason: 'does not parse', body: { organizationId, issues } }
}
