import { sql } from 'drizzle-orm'
import { boolean, check, integer, pgTable, text } from 'drizzle-orm/pg-core'
import { models } from './models.ts'
import { upstreams } from './upstreams.ts'

/** Ways to serve a model: a smaller priority is tried first, weight shares the load among equals. */
export const routes = pgTable(
  'routes',
  {
    id: text('id').primaryKey(),
    modelId: text('model_id')
      .notNull()
      .references(() => models.id),
    upstreamId: text('upstream_id')
      .notNull()
      .references(() => upstreams.id),
    upstreamModel: text('upstream_model').notNull(),
    dialect: text('dialect', { enum: ['openai'] }).notNull(),
    priority: integer('priority').notNull().default(0),
    weight: integer('weight').notNull().default(1),
    enabled: boolean('enabled').notNull().default(true),
  },
  (t) => [
    // The relay speaks no other dialect to an upstream.
    check('routes_dialect', sql`${t.dialect} in ('openai')`),
    // A weighted choice needs at least one positive weight; zero would be a silent way to disable a route.
    check('routes_weight', sql`${t.weight} > 0`),
  ],
)
