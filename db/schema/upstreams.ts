import { sql } from 'drizzle-orm'
import { boolean, check, pgTable, text } from 'drizzle-orm/pg-core'
import type { UpstreamKind } from '#shared/contracts/dialect.ts'

/** The providers behind the relay. */
export const upstreams = pgTable(
  'upstreams',
  {
    id: text('id').primaryKey(),
    /** How it takes its key and words its errors. */
    kind: text('kind').$type<UpstreamKind>().notNull().default('openai'),
    /** A constant of the route table; no part of a client's path is ever added to it. */
    baseUrl: text('base_url').notNull(),
    /** Name of the entry in the Worker's secret UPSTREAM_CREDENTIALS; the credential itself is not in the database. */
    credential: text('credential').notNull(),
    /** Whose keys customers may bring along to it, such as `openai`; null takes none but ours. */
    byok: text('byok'),
    enabled: boolean('enabled').notNull().default(true),
  },
  // The proxy would not know which header its key stands in.
  (t) => [
    check('upstreams_kind', sql`${t.kind} in ('openai', 'anthropic', 'gemini', 'cliproxyapi')`),
    // Behind a CLIProxyAPI are accounts of ours alone.
    check('upstreams_byok', sql`${t.kind} <> 'cliproxyapi' or ${t.byok} is null`),
  ],
)
