import { z } from 'zod'
import { DialectName } from './dialect.ts'

/** A way to serve a model, and how it is. Neither addresses nor credentials of upstreams are shown. */
export const RouteEntry = z.object({
  routeId: z.string(),
  modelId: z.string(),
  upstream: z.string(),
  upstreamModel: z.string(),
  dialects: z.array(DialectName),
  priority: z.int(),
  weight: z.int(),
  /** What the last check found; null for a route that is never checked, which counts as up. */
  state: z.enum(['up', 'down']).nullable(),
  reason: z.string().nullable(),
  checkedAt: z.iso.datetime().nullable(),
})
export type RouteEntry = z.infer<typeof RouteEntry>

/** The routes that are switched on, in the order in which those of a model are tried. */
export const RouteList = z.object({ routes: z.array(RouteEntry) })
export type RouteList = z.infer<typeof RouteList>
