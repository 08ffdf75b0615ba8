import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Family } from '#shared/contracts/dialect.ts'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

const ByokUpstream = z.object({ provider: z.string(), family: Family, baseUrl: z.string() })
export type ByokUpstream = z.infer<typeof ByokUpstream>

/**
 * Of each provider whose keys customers may bring along, the upstream by which a key is tried out. A provider that speaks several ways is asked as
 * OpenAI is, since only that one lists models for sure.
 */
export function listByokUpstreams(db: Db): Promise<ByokUpstream[]> {
  return readRows(db, statement, ByokUpstream)
}

const statement = sql`
  select distinct on (u.byok) u.byok as provider, u.kind as family, u.base_url as "baseUrl"
  from upstreams u
  where u.enabled and u.byok is not null and u.kind <> 'cliproxyapi'
  order by u.byok, u.kind = 'openai' desc, u.id`
