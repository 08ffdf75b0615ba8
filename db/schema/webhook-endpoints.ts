import { sql } from 'drizzle-orm'
import { check, index, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/** Where customers want their events. The signing secrets are in `secrets`: purpose `signing`, and `signing_previous` after a rotation. */
export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    url: text('url').notNull(),
    description: text('description').notNull().default(''),
    /** Null: every type, also those that do not exist yet. */
    eventTypes: text('event_types').array(),
    status: text('status', { enum: ['active', 'paused'] })
      .notNull()
      .default('active'),
    /** Who paused it: somebody, days of failures, or the endpoint itself by answering 410. */
    pausedBecause: text('paused_because', { enum: ['asked', 'failing', 'gone'] }),
    /** Since when every attempt has failed; null while the last one succeeded. */
    failingSince: timestamp('failing_since', { withTimezone: true, mode: 'date' }),
    /** Until when deliveries are signed by the secret before as well. */
    previousSecretUntil: timestamp('previous_secret_until', { withTimezone: true, mode: 'date' }),
    /** Until when one Worker delivers to it alone. */
    leasedUntil: timestamp('leased_until', { withTimezone: true, mode: 'date' }),
    /** Id of the user or management key that made it. */
    createdBy: text('created_by').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('webhook_endpoints_paused', sql`(${t.status} = 'paused') = (${t.pausedBecause} is not null)`),
    index('webhook_endpoints_organization').on(t.organizationId),
  ],
)
