import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { readRows } from '#db/statements.ts'
import type { Stage } from '../stage.ts'

/** What of a row is told by being seen, and not changed by asking. */
const noted = ['last_seen_at', 'last_used_at']

/** A digest of each table, and how much has left by the queue and to the ledger: the same as long as nothing changed. */
export async function stateOf(stage: Stage): Promise<Record<string, string>> {
  const tables = await readRows(
    stage.db,
    sql`select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1`,
    z.object({ name: z.string() }),
  )
  const digests = tables.map(
    ({ name }) => sql`
      select ${name}::text as name, coalesce(md5(string_agg(line, '' order by line)), '') as digest
      from (select md5((to_jsonb(r) - ${sql.raw(`array[${noted.map((each) => `'${each}'`).join()}]`)})::text) as line from ${sql.identifier(name)} r) lines`,
  )
  const rows = await readRows(stage.db, sql.join(digests, sql` union all `), z.object({ name: z.string(), digest: z.string() }))
  const left = { mails: String(stage.mails.length), pushes: String(stage.ledger.pushed.length) }
  return { ...Object.fromEntries(rows.map(({ name, digest }) => [name, digest])), ...left }
}
