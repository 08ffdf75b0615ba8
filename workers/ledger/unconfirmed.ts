import type { UsageEvent } from '#shared/contracts/usage-event.ts'
import type { Unconfirmed } from './position.ts'

/** What the position keeps of an event until Postgres confirms it. */
export function unconfirmedOf(event: UsageEvent): Unconfirmed {
  return {
    requestId: event.request.requestId,
    keyId: event.request.keyId,
    admittedAtMs: event.request.startedAtMs,
    amountNanos: event.amountNanos,
    settledAtMs: event.settledAtMs,
    costNanos: event.settlement.costNanos,
    json: asciiJson(event),
    expired:
      event.kind === 'settlement' && event.settlement.end === 'expired'
        ? { costNanos: event.settlement.costNanos, expiredAtMs: event.settledAtMs }
        : null,
    adjusts: event.kind === 'adjustment',
    isWritten: false,
    sentAtMs: 0,
  }
}

/** The event again: its JSON is what `unconfirmedOf` wrote. */
export function eventOf({ json }: Unconfirmed): UsageEvent {
  return JSON.parse(json) as UsageEvent
}

/** JSON in ASCII, so that its length is its size in bytes: a client may name itself in any script. */
function asciiJson(event: UsageEvent): string {
  return JSON.stringify(event).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
