import { sql } from 'drizzle-orm'
import { check, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { routes } from './routes.ts'

/** What the last check found of each route that is checked; a route without a row counts as up. */
export const routeHealth = pgTable(
  'route_health',
  {
    routeId: text('route_id')
      .primaryKey()
      .references(() => routes.id),
    state: text('state', { enum: ['up', 'down'] }).notNull(),
    /** In our own words, for an operator. */
    reason: text('reason').notNull(),
    /** Checks that failed one after another, up to the last. */
    failures: integer('failures').notNull().default(0),
    checkedAt: timestamp('checked_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    /** When the route was last asked for an answer, which costs money; null when it never was. */
    probedAt: timestamp('probed_at', { withTimezone: true, mode: 'date' }),
  },
  (t) => [check('route_health_state', sql`${t.state} in ('up', 'down')`)],
)
