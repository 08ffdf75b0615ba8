import { boolean, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** Every import that changed the catalogue. The newest forced one tells the proxies that a change which looks absurd is meant. */
export const catalogueImports = pgTable('catalogue_imports', {
  /** One more than the last that the import saw: of two at the same time, the second fails instead of undoing the first. */
  id: integer('id').primaryKey(),
  forced: boolean('forced').notNull(),
  /** Who imported. */
  actor: text('actor').notNull(),
  importedAt: timestamp('imported_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
})
