import { sql } from 'drizzle-orm'
import { bigint, check, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'
import { models } from './models.ts'

/** Prices in pico-dollars per token; never updated. The current price of a model is the one with the latest effective time that has come. */
export const priceVersions = pgTable(
  'price_versions',
  {
    id: text('id').primaryKey(),
    modelId: text('model_id')
      .notNull()
      .references(() => models.id),
    // Every bucket has a price, so that no reported token is free by omission.
    inputPicos: bigint('input_picos', { mode: 'number' }).notNull(),
    cacheReadPicos: bigint('cache_read_picos', { mode: 'number' }).notNull(),
    cacheWrite5mPicos: bigint('cache_write_5m_picos', { mode: 'number' }).notNull(),
    cacheWrite1hPicos: bigint('cache_write_1h_picos', { mode: 'number' }).notNull(),
    outputPicos: bigint('output_picos', { mode: 'number' }).notNull(),
    effectiveAt: timestamp('effective_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    // At any moment a model has one current price.
    unique('price_versions_effective').on(t.modelId, t.effectiveAt),
    // The range of PicosPerToken in shared/pricing/cost.ts: a price a million times too large never gets in.
    check(
      'price_versions_range',
      sql`least(${t.inputPicos}, ${t.cacheReadPicos}, ${t.cacheWrite5mPicos}, ${t.cacheWrite1hPicos}, ${t.outputPicos}) >= 0
        and greatest(${t.inputPicos}, ${t.cacheReadPicos}, ${t.cacheWrite5mPicos}, ${t.cacheWrite1hPicos}, ${t.outputPicos}) <= 10000000000`,
    ),
  ],
)
