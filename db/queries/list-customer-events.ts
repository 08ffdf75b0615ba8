import { and, desc, eq, lt } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { customerEvents } from '../schema/index.ts'

export type CustomerEventRow = typeof customerEvents.$inferSelect

/** What a customer was told of its account, newest first; the last id of a page asks for the next. */
export function listCustomerEvents(
  db: Db,
  organizationId: string,
  page: { beforeId?: number; limit: number },
): Promise<CustomerEventRow[]> {
  const before = page.beforeId === undefined ? undefined : lt(customerEvents.id, page.beforeId)
  return db
    .select()
    .from(customerEvents)
    .where(and(eq(customerEvents.organizationId, organizationId), before))
    .orderBy(desc(customerEvents.id))
    .limit(page.limit)
}
