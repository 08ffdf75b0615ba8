import type { Db } from '../../client.ts'
import { outboxed } from '../../outboxed.ts'
import { customerEvents } from '../../schema/index.ts'

/** Tells a customer of something, once for what `dedupe` names. */
export async function insertCustomerEvent(
  tx: Db,
  event: Pick<typeof customerEvents.$inferInsert, 'organizationId' | 'type' | 'data' | 'dedupe' | 'onlyEndpointId'>,
): Promise<void> {
  await tx.insert(customerEvents).values(event).onConflictDoNothing()
  outboxed(tx).organizationIds.add(event.organizationId)
}
