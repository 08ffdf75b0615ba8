import { bigint, boolean, index, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { topUps } from './top-ups.ts'

/** Money of top-ups that went back, by a refund or a dispute of Stripe's; what they take together is never more than the top-up gave. */
export const topUpReturns = pgTable(
  'top_up_returns',
  {
    /** Stripe's id of the refund or dispute: each moves the balance once, and back once. */
    id: text('id').primaryKey(),
    topUpId: text('top_up_id')
      .notNull()
      .references(() => topUps.id),
    /** Of what was paid, tax included. */
    cents: bigint('cents', { mode: 'number' }).notNull(),
    /** The refund failed, or the dispute was won: the money is with the platform again. Never undone. */
    cameBack: boolean('came_back').notNull().default(false),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [index('top_up_returns_top_up').on(t.topUpId)],
)
