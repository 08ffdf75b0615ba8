import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

/** What has served its time, by table: which rows, and how a row of a table without an id is named. */
const outdated = {
  idempotency_keys: { key: sql`scope, key`, where: sql`created_at < now() - interval '24 hours'` },
  mail_tokens: { key: sql`id`, where: sql`expires_at < now() - interval '30 days'` },
  sessions: { key: sql`id`, where: sql`least(revoked_at, expires_at) < now() - interval '90 days'` },
  invitations: { key: sql`id`, where: sql`expires_at < now() - interval '90 days'` },
  // The secret that a webhook endpoint had before, when nothing is signed by it any more.
  secrets: {
    key: sql`owner_table, owner_id, purpose`,
    where: sql`owner_table = 'webhook_endpoints' and purpose = 'signing_previous'
      and not exists (select from webhook_endpoints e where e.id = owner_id and e.previous_secret_until > now())`,
  },
} as const satisfies Record<string, { key: SQL; where: SQL }>

export type OutdatedTable = keyof typeof outdated
export const outdatedTables: OutdatedTable[] = ['idempotency_keys', 'mail_tokens', 'sessions', 'invitations', 'secrets']

const Deleted = z.object({ deleted: SafeBigint })

/** Deletes at most `limit` rows of a table that have served their time; answers how many. */
export function deleteOutdated(db: Db, table: OutdatedTable, limit: number): Promise<number> {
  const { key, where } = outdated[table]
  const name = sql.raw(table)
  return countDeleted(db, sql`delete from ${name} where (${key}) in (select ${key} from ${name} where ${where} limit ${limit})`)
}

/** As deleteOutdated, lines of the request log that are older than their customer keeps them. */
export function deleteOldRequestLogs(db: Db, limit: number): Promise<number> {
  const old = sql`
    select l.organization_id, l.created_at, l.request_id from organizations o join request_logs l on l.organization_id = o.id
    where o.log_retention_days is not null and l.created_at < now() - make_interval(days => o.log_retention_days)
    limit ${limit}`
  return countDeleted(db, sql`delete from request_logs where (organization_id, created_at, request_id) in (${old})`)
}

/**
 * Deletes signing keys that verify nothing any more, a day later for safety, together with their secrets; answers how many. Pairs that sign receipts stay, because
 * receipts are verified for good.
 */
export function deleteSpentSigningKeys(db: Db, verifiedMs: { access: number; mail: number }): Promise<number> {
  const keptSeconds = sql`case purpose when 'access' then ${verifiedMs.access / 1_000} else ${verifiedMs.mail / 1_000} end::double precision`
  return countDeleted(
    db,
    sql`delete from signing_keys where purpose in ('access', 'mail') and retired_at < now() - make_interval(secs => ${keptSeconds}) - interval '1 day'`,
    sql`, sealed as (delete from secrets s using gone g where s.owner_table = 'signing_keys' and s.owner_id = g.id)`,
    sql`id`,
  )
}

/** Deletes the private halves of pairs that sign no receipts any more, a day later for safety; answers how many. */
export function forgetRetiredReceiptKeys(db: Db): Promise<number> {
  return countDeleted(
    db,
    sql`delete from secrets s using signing_keys k where k.purpose = 'receipt' and k.retired_at < now() - interval '1 day'
      and s.owner_table = 'signing_keys' and s.owner_id = k.id`,
  )
}

async function countDeleted(db: Db, deletion: SQL, also: SQL = sql``, returned: SQL = sql`1`): Promise<number> {
  const [row] = await readRows(
    db,
    sql`with gone as (${deletion} returning ${returned}) ${also} select count(*) as deleted from gone`,
    Deleted,
  )
  return row?.deleted ?? 0
}
