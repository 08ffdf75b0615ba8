import { Hono } from 'hono'
import { type CustomerEventRow, listCustomerEvents } from '#db/queries/list-customer-events.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import { CustomerEventList, PageBefore } from '#shared/contracts/customer-event.ts'
import { query } from '#workers/edge/parse.ts'
import type { AdminContext } from '../env.ts'
import { eventsPerPage } from '../limits.ts'
import { found, organizationIdOf } from '../platform.ts'

/** What a customer was told of its account. */
export const eventRoutes = new Hono<AdminContext>().get('/', query(PageBefore), async (c) => {
  const { db } = c.var.surroundings
  const { id } = found(await readOrganization(db, organizationIdOf(c)), 'customer')
  const { before } = c.var.query
  const rows = await listCustomerEvents(db, id, { ...(before !== undefined && { beforeId: before }), limit: eventsPerPage })
  const next = rows.length === eventsPerPage ? (rows.at(-1)?.id ?? null) : null
  return c.json(CustomerEventList.parse({ events: rows.map(eventOf), next }))
})

/** The contract leaves of it what an event of its type says. */
function eventOf(row: CustomerEventRow) {
  return { ...row, version: row.balanceVersion, createdAt: row.createdAt.toISOString() }
}
