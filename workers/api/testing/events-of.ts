import { asc, eq } from 'drizzle-orm'
import { customerEvents } from '#db/schema/index.ts'
import type { Stage } from './stage.ts'

/** What a customer was told, the oldest first. */
export async function eventsOf({ db }: Stage, organizationId: string): Promise<[type: string, data: unknown][]> {
  const rows = await db
    .select()
    .from(customerEvents)
    .where(eq(customerEvents.organizationId, organizationId))
    .orderBy(asc(customerEvents.id))
  return rows.map(({ type, data }) => [type, data])
}
