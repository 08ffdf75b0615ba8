import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { Limits } from '#shared/contracts/account.ts'
import type { Db } from '../client.ts'
import { readRowsAtomically, SafeBigint, timestampOf } from '../statements.ts'
import { livingKeys } from './keys/living-keys.ts'
import { lockOrganizations } from './lock-organizations.ts'
import { maxLiveKeys } from './snapshot-column.ts'

export interface NewApiKey {
  keyId: string
  organizationId: string
  name: string
  /** SHA-256 of the key in hex; the key itself never comes here. */
  keyHash: string
  redacted: string
  /** What they leave out is the organization's default for new keys. */
  limits?: Limits
  /** Null allows every model. */
  allowedModels?: string[] | null
  /** Null allows every address. */
  allowedIps?: string[] | null
  /** Id of who makes it. */
  createdBy?: string | null
  expiresAtMs?: number | null
}

export type CreateApiKeyOutcome =
  | { outcome: 'created'; version: number; limits: Limits }
  | { outcome: 'refused'; reason: 'organization_unknown' | 'too_many_keys' }

/** Adds a key to a customer. An id or a hash that exists already is a thrown error: both are random. */
export async function createApiKey(db: Db, key: NewApiKey): Promise<CreateApiKeyOutcome> {
  const [row] = await readRowsAtomically(db, [lockOrganizations([key.organizationId]), creation(key)], Created)
  if (!row) return { outcome: 'refused', reason: 'organization_unknown' }
  const { version, limits } = row
  return version === null || limits === null ? { outcome: 'refused', reason: 'too_many_keys' } : { outcome: 'created', version, limits }
}

const Created = z.object({ version: SafeBigint.nullable(), limits: Limits.nullable() })

function creation(key: NewApiKey): SQL {
  return sql`
    with created as (
      insert into api_keys (id, organization_id, name, key_hash, redacted, limits, allowed_models, allowed_ips, created_by, expires_at)
      select ${key.keyId}, o.id, ${key.name}, ${key.keyHash}, ${key.redacted}, o.default_key_limits || ${JSON.stringify(key.limits ?? {})}::jsonb,
        ${sql.param(key.allowedModels ?? null)}::text[], ${sql.param(key.allowedIps ?? null)}::text[], ${key.createdBy ?? null},
        ${timestampOf(key.expiresAtMs ?? null)}
      from organizations o
      where o.id = ${key.organizationId}
        and ${livingKeys(sql`o.id`)} < ${maxLiveKeys}
      returning organization_id, limits
    ), raised as (
      update organizations o set balance_version = o.balance_version + 1
      from created c where o.id = c.organization_id
      returning o.id, o.balance_version
    )
    select r.balance_version as version, c.limits
    from organizations o left join raised r on r.id = o.id left join created c on c.organization_id = o.id
    where o.id = ${key.organizationId}`
}
