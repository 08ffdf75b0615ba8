import { sql } from 'drizzle-orm'
import { boolean, check, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import type { ModelKind } from '#shared/contracts/dialect.ts'

/** What customers can call. The id is the public name. */
export const models = pgTable(
  'models',
  {
    id: text('id').primaryKey(),
    kind: text('kind').$type<ModelKind>().notNull(),
    /** Other names it is called by. */
    aliases: text('aliases').array().notNull().default([]),
    /** Who made the model, such as `anthropic`; null when nobody says. */
    owner: text('owner'),
    displayName: text('display_name'),
    contextTokens: integer('context_tokens').notNull(),
    /** Of one choice or image; zero for models that produce no tokens. */
    maxOutputTokens: integer('max_output_tokens').notNull(),
    /** How the model cuts text into tokens: a published encoding, or `unknown`, for which only an estimate with a margin exists. */
    tokenizer: text('tokenizer', { enum: ['o200k_base', 'unknown'] })
      .notNull()
      .default('unknown'),
    enabled: boolean('enabled').notNull().default(true),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('models_tokenizer', sql`${t.tokenizer} in ('o200k_base', 'unknown')`),
    check('models_kind', sql`${t.kind} in ('chat', 'embeddings', 'images', 'speech', 'transcription', 'moderation')`),
    // A hold is bounded by these two, so they must bound something.
    check('models_tokens', sql`${t.contextTokens} > 0 and ${t.maxOutputTokens} >= 0`),
  ],
)
