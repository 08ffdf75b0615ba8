import type { Db } from '../client.ts'
import { parkedEvents } from '../schema/index.ts'

export interface ParkedEvent {
  /** Null when the event is too broken to have one. */
  eventId: string | null
  reason: string
  /** Metadata only; never anything that was not checked to be metadata. */
  body: unknown
}

/** Puts events aside where an operator sees them. An event that is parked already stays as it was. */
export async function parkEvents(db: Db, events: ParkedEvent[]): Promise<void> {
  if (events.length === 0) return
  await db.insert(parkedEvents).values(events.map(storable)).onConflictDoNothing()
}

/** Postgres stores neither NUL nor half a surrogate pair, and one of them may be why the event is parked. */
function storable<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? part.replaceAll('\0', '').toWellFormed() : part)),
  )
}
