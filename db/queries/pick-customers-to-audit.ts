import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

const Page = z.object({ organizationIds: z.array(z.string()), toAudit: z.array(z.string()) })
export type CustomerPage = z.infer<typeof Page>

/**
 * The next customers by id, and those of them whose object is worth a call: it has daily sums of today or yesterday (UTC), which is one look
 * into the primary key; or it is its turn. Turns are needed because an object whose events never reach Postgres looks idle from here.
 */
export async function pickCustomersToAudit(
  db: Db,
  page: { afterId: string; limit: number; turn: number; turns: number },
): Promise<CustomerPage> {
  const statement = sql`
    select coalesce(json_agg(id order by id), '[]') as "organizationIds",
      coalesce(json_agg(id order by id) filter (where is_recent or is_its_turn), '[]') as "toAudit"
    from (
      select o.id, mod(hashtext(o.id)::bigint + 2147483648, ${page.turns}) = ${page.turn} as is_its_turn,
        exists (
          select from usage_daily d where d.organization_id = o.id and d.day >= (now() at time zone 'UTC')::date - 1
        ) as is_recent
      from organizations o where o.id > ${page.afterId} order by o.id limit ${page.limit}
    ) customers`
  const [row] = await readRows(db, statement, Page)
  return row ?? { organizationIds: [], toAudit: [] }
}
