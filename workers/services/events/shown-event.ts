import type { CustomerEventRow } from '#db/queries/list-customer-events.ts'
import { CustomerEvent, eventVersion } from '#shared/contracts/events/customer-event.ts'

/** An event as lists show it and webhooks carry it; the contract leaves of its data what its type says. */
export function shownEvent({ eventId, type, organizationId, createdAt, data }: CustomerEventRow): CustomerEvent {
  return CustomerEvent.parse({ id: eventId, type, version: eventVersion, organizationId, createdAt: createdAt.toISOString(), data })
}
