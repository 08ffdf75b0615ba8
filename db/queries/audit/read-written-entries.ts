import { sql } from 'drizzle-orm'
import { WrittenEntry } from '#shared/contracts/api/audit.ts'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'

/** Entries of a chain in the order of their numbers, behind `after` or from the lowest there is, each field as the trigger that hashed it saw it. */
export function readWrittenEntries(db: Db, chain: string, page: { after: string | null; limit: number }): Promise<WrittenEntry[]> {
  const statement = sql`
    select chain, seq::text, round(extract(epoch from at) * 1000000)::bigint::text as "atMicros", actor_type as "actorType", actor_id as "actorId", ip,
      request_id as "requestId", action, target_type as "targetType", target_id as "targetId", before::text, after::text,
      previous_hash as "previousHash", hash
    from audit_log where chain = ${chain} and (${page.after}::bigint is null or seq > ${page.after}::bigint)
    order by audit_log.seq limit ${page.limit}`
  return readRows(db, statement, WrittenEntry)
}
