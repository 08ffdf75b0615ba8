import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { Limits } from '#shared/contracts/account.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'
import { isOf, type KeyReference } from './key-reference.ts'

const ApiKeyState = z.object({
  keyId: z.string(),
  name: z.string(),
  redacted: z.string(),
  status: z.enum(['active', 'expired', 'revoked']),
  limits: Limits,
  allowedModels: z.array(z.string()).nullable(),
  allowedIps: z.array(z.string()).nullable(),
  createdBy: z.string().nullable(),
  replaces: z.string().nullable(),
  expiresAtMs: SafeBigint.nullable(),
  revokedAtMs: SafeBigint.nullable(),
  createdAtMs: SafeBigint,
  /** When the last request began that has been recorded. */
  lastUsedAtMs: SafeBigint.nullable(),
})
export type ApiKeyState = z.infer<typeof ApiKeyState>

/** A page of a customer's keys, newest first, revoked ones too: at most `limit` behind the key `after`. `createdBy` as in KeyReference. */
export function listApiKeyStates(
  db: Db,
  { organizationId, createdBy, after, limit }: { organizationId: string; createdBy: string | null; after: string | null; limit: number },
): Promise<ApiKeyState[]> {
  const isBehind = after === null ? sql`true` : sql`k.id < ${after}`
  const chosen = sql`k.organization_id = ${organizationId} and ${isOf(createdBy)} and ${isBehind}`
  return readRows(db, sql`${states(chosen)} order by k.id desc limit ${limit}`, ApiKeyState)
}

/** One key, revoked or not; null when there is none. */
export async function readApiKeyState(db: Db, { organizationId, keyId, createdBy = null }: KeyReference): Promise<ApiKeyState | null> {
  const chosen = sql`k.id = ${keyId} and k.organization_id = ${organizationId} and ${isOf(createdBy)}`
  const [row] = await readRows(db, states(chosen), ApiKeyState)
  return row ?? null
}

/** The last use is one step into the index by key of each month's log, so that a request writes nothing for it. */
function states(chosen: SQL): SQL {
  return sql`
    select k.id as "keyId", k.name, k.redacted, k.limits, k.allowed_models as "allowedModels", k.allowed_ips as "allowedIps",
      k.created_by as "createdBy", k.replaces, ${msOf(sql`k.expires_at`)} as "expiresAtMs", ${msOf(sql`k.revoked_at`)} as "revokedAtMs",
      ${msOf(sql`k.created_at`)} as "createdAtMs",
      case when k.revoked_at is not null then 'revoked' when k.expires_at <= now() then 'expired' else 'active' end as status,
      (
        select ${msOf(sql`l.created_at`)} from request_logs l where l.organization_id = k.organization_id and l.key_id = k.id
        order by l.created_at desc limit 1
      ) as "lastUsedAtMs"
    from api_keys k where ${chosen}`
}

function msOf(column: SQL): SQL {
  return sql`floor(extract(epoch from ${column}) * 1000)::bigint`
}
