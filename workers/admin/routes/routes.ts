import { Hono } from 'hono'
import { type ListedRoute, listRoutes } from '#db/queries/list-routes.ts'
import { RouteList } from '#shared/contracts/route.ts'
import type { AdminContext } from '../env.ts'

export const routeRoutes = new Hono<AdminContext>().get('/', async (c) => {
  const routes = await listRoutes(c.var.surroundings.db)
  return c.json(RouteList.parse({ routes: routes.map(entryOf) }))
})

/** The contract strips what is not for showing: addresses and names of credentials. */
function entryOf(route: ListedRoute) {
  return { ...route, checkedAt: route.checkedAtMs === null ? null : new Date(route.checkedAtMs).toISOString() }
}
