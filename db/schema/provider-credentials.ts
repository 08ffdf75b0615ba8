import { sql } from 'drizzle-orm'
import { check, index, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import type { AttemptOutcome } from '#shared/contracts/usage-event.ts'
import { organizations } from './organizations.ts'

/**
 * Keys that customers have at providers and bring along (BYOK). The key itself is in `secrets`. Whoever changes what a proxy must know of one raises
 * `organizations.credentials_version` and `balance_version` in the same transaction.
 */
export const providerCredentials = pgTable(
  'provider_credentials',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    /** A name in `upstreams.byok`, or `openai-compatible`. */
    provider: text('provider').notNull(),
    name: text('name').notNull(),
    /** Where an OpenAI-compatible provider is, its version included, such as `https://api.example.com/v1`; null for the others. */
    baseUrl: text('base_url'),
    /** The end of the key, by which its owner knows it. */
    lastFour: text('last_four').notNull(),
    /** The smaller is tried first. */
    priority: integer('priority').notNull().default(0),
    /** The only models it serves; null serves every one of its provider. */
    models: text('models').array(),
    /** The only API keys of the customer that may use it; null lets all. */
    keyIds: text('key_ids').array(),
    status: text('status', { enum: ['active', 'paused'] })
      .notNull()
      .default('active'),
    /** How often in a row the provider has refused the key. */
    refusals: integer('refusals').notNull().default(0),
    lastUsedAt: timestamp('last_used_at', { withTimezone: true, mode: 'date' }),
    lastError: text('last_error').$type<AttemptOutcome>(),
    lastErrorAt: timestamp('last_error_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    // Only a provider that nobody else names needs an address, and the models that are there.
    check(
      'provider_credentials_address',
      sql`(${t.provider} = 'openai-compatible') = (${t.baseUrl} is not null) and (${t.baseUrl} is null or cardinality(${t.models}) > 0)`,
    ),
    // An empty list reads like "all" and would mean "none".
    check('provider_credentials_lists', sql`cardinality(${t.models}) > 0 and cardinality(${t.keyIds}) > 0`),
    check('provider_credentials_status', sql`${t.status} in ('active', 'paused')`),
    check('provider_credentials_last_four', sql`length(${t.lastFour}) <= 4`),
    // Authentication reads all of a customer's.
    index('provider_credentials_organization').on(t.organizationId),
  ],
)
