import { sql } from 'drizzle-orm'
import { boolean, check, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { DialectName } from '#shared/contracts/dialect.ts'
import type { Price } from '#shared/pricing/cost.ts'
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
    /** Every dialect in which this upstream serves this model. */
    dialects: text('dialects').array().$type<DialectName[]>().notNull(),
    /** Where the upstream computes, such as `eu`; null when it does not say. */
    region: text('region'),
    /** What the upstream charges us; null when nobody knows. */
    cost: jsonb('cost').$type<Price>(),
    priority: integer('priority').notNull().default(0),
    weight: integer('weight').notNull().default(1),
    enabled: boolean('enabled').notNull().default(true),
  },
  (t) => [
    // A route that speaks nothing, or what the relay does not, would never be chosen and nobody would know why.
    check(
      'routes_dialects',
      sql`cardinality(${t.dialects}) > 0 and ${t.dialects} <@ array[
        'openai-chat', 'openai-responses', 'openai-embeddings', 'openai-images', 'openai-speech', 'openai-transcriptions',
        'openai-moderations', 'anthropic-messages', 'gemini-content', 'gemini-embeddings'
      ]`,
    ),
    // A weighted choice needs at least one positive weight; zero would be a silent way to disable a route.
    check('routes_weight', sql`${t.weight} > 0`),
  ],
)
