import type { Db } from '#db/client.ts'
import { insertCustomerEvent } from '#db/queries/events/insert-event.ts'
import { type EventData, eventData } from '#shared/contracts/events/customer-event.ts'
import type { CustomerEventType } from '#shared/contracts/events/types.ts'

/**
 * Tells a customer of something; call it in the transaction of what it tells of, so that neither is ever without the other. With `dedupe` it is told once,
 * however often it is called. Whoever made the transaction nudges the webhooks after its commit, see `handingOver`.
 */
export async function recordEvent<Type extends CustomerEventType>(
  tx: Db,
  event: { organizationId: string; type: Type; data: EventData<Type>; dedupe?: string; onlyEndpointId?: string },
): Promise<void> {
  const { organizationId, type, dedupe = null, onlyEndpointId = null } = event
  await insertCustomerEvent(tx, { organizationId, type, data: eventData[type].parse(event.data), dedupe, onlyEndpointId })
}
