import { sql } from 'drizzle-orm'
import { bigint, check, jsonb, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'
import type { UnitPrices } from '#shared/pricing/cost.ts'
import { models } from './models.ts'
import { routes } from './routes.ts'

/** Prices in pico-dollars per token; a trigger refuses to update or delete one. The current price is the one with the latest effective time that has come. */
export const priceVersions = pgTable(
  'price_versions',
  {
    id: text('id').primaryKey(),
    modelId: text('model_id')
      .notNull()
      .references(() => models.id),
    /** A route with a price of its own; null is the price of the model wherever it is served. */
    routeId: text('route_id').references(() => routes.id),
    // Every bucket has a price, so that no reported token is free by omission.
    inputPicos: bigint('input_picos', { mode: 'number' }).notNull(),
    cacheReadPicos: bigint('cache_read_picos', { mode: 'number' }).notNull(),
    cacheWrite5mPicos: bigint('cache_write_5m_picos', { mode: 'number' }).notNull(),
    cacheWrite1hPicos: bigint('cache_write_1h_picos', { mode: 'number' }).notNull(),
    outputPicos: bigint('output_picos', { mode: 'number' }).notNull(),
    /** Prices of what is not text, and of long prompts; what is absent is not sold. */
    units: jsonb('units').$type<UnitPrices>().notNull().default({}),
    effectiveAt: timestamp('effective_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    // At any moment a model, and a route with its own, has one current price.
    unique('price_versions_effective').on(t.modelId, t.routeId, t.effectiveAt).nullsNotDistinct(),
    // The ranges of UnitPrices in shared/pricing/cost.ts, for every number at any depth.
    check(
      'price_versions_units_range',
      sql`jsonb_typeof(${t.units}) = 'object'
        and not jsonb_path_exists(${t.units}, 'strict $.** ? (@.type() != "object" && @.type() != "number")')
        and not jsonb_path_exists(${t.units}, 'strict $.** ? (@.type() == "number" && (@ < 0 || @ > 100000000000))')`,
    ),
    // The range of PicosPerToken in shared/pricing/cost.ts: a price a million times too large never gets in.
    check(
      'price_versions_range',
      sql`least(${t.inputPicos}, ${t.cacheReadPicos}, ${t.cacheWrite5mPicos}, ${t.cacheWrite1hPicos}, ${t.outputPicos}) >= 0
        and greatest(${t.inputPicos}, ${t.cacheReadPicos}, ${t.cacheWrite5mPicos}, ${t.cacheWrite1hPicos}, ${t.outputPicos}) <= 10000000000`,
    ),
  ],
)
