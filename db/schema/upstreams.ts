import { boolean, pgTable, text } from 'drizzle-orm/pg-core'

/** The providers behind the relay. */
export const upstreams = pgTable('upstreams', {
  id: text('id').primaryKey(),
  /** A constant of the route table; no part of a client's path is ever added to it. */
  baseUrl: text('base_url').notNull(),
  /** Name of the entry in the Worker's secret UPSTREAM_CREDENTIALS; the credential itself is not in the database. */
  credential: text('credential').notNull(),
  enabled: boolean('enabled').notNull().default(true),
})
