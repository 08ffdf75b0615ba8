import { Hono } from 'hono'
import { listCustomerEvents } from '#db/queries/list-customer-events.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import { CustomerEventList } from '#shared/contracts/events/customer-event.ts'
import { PageBefore } from '#shared/contracts/page-before.ts'
import { query } from '#workers/edge/parse.ts'
import { shownEvent } from '#workers/services/events/shown-event.ts'
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
  return c.json(CustomerEventList.parse({ events: rows.map(shownEvent), next }))
})
