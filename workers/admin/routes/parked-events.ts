import { Hono } from 'hono'
import { z } from 'zod'
import { listParkedEvents, type ParkedEventRow } from '#db/queries/list-parked-events.ts'
import { PageBefore } from '#shared/contracts/page-before.ts'
import { ParkedEventList, type ParkedEventView } from '#shared/contracts/parked-event.ts'
import { query } from '#workers/edge/parse.ts'
import type { AdminContext } from '../env.ts'
import { eventsPerPage } from '../limits.ts'

/** Usage events that could not be recorded. */
export const parkedEventRoutes = new Hono<AdminContext>().get('/', query(PageBefore), async (c) => {
  const { before } = c.var.query
  const rows = await listParkedEvents(c.var.surroundings.db, { ...(before !== undefined && { beforeId: before }), limit: eventsPerPage })
  const next = rows.length === eventsPerPage ? (rows.at(-1)?.id ?? null) : null
  return c.json(ParkedEventList.parse({ parked: rows.map(parkedOf), next }))
})

const Owner = z.object({ organizationId: z.string().nullable() })

function parkedOf({ id, eventId, reason, body, recordedAt, createdAt }: ParkedEventRow): ParkedEventView {
  const organizationId = Owner.safeParse(body).data?.organizationId ?? null
  return { id, eventId, organizationId, reason, recordedAt: recordedAt?.toISOString() ?? null, createdAt: createdAt.toISOString() }
}
