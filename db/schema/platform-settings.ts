import { integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** Settings of the platform that operators change while it runs, such as `mail`. What is secret of one is in `secrets`. */
export const platformSettings = pgTable('platform_settings', {
  name: text('name').primaryKey(),
  value: jsonb('value').notNull(),
  version: integer('version').notNull(),
  updatedAt: timestamp('updated_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
})
