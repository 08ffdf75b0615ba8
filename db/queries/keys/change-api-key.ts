import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { Limits } from '#shared/contracts/account.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint, timestampOf } from '../../statements.ts'
import { lockOrganizations } from '../lock-organizations.ts'
import { maxLiveKeys } from '../snapshot-column.ts'
import { isUnrevoked, type KeyReference } from './key-reference.ts'
import { livingKeys } from './living-keys.ts'

/** What of a key can be changed. */
const KeyRules = z.object({
  name: z.string(),
  limits: Limits,
  /** Null allows every model. */
  allowedModels: z.array(z.string()).nullable(),
  /** Null allows every address. */
  allowedIps: z.array(z.string()).nullable(),
  /** Null never ends. */
  expiresAtMs: SafeBigint.nullable(),
})
export type KeyRules = z.infer<typeof KeyRules>

export type ChangeApiKeyOutcome =
  | { outcome: 'changed'; before: KeyRules; after: KeyRules }
  /** `too_many_keys`: an expired key would live again, and there is no room for it. */
  | { outcome: 'refused'; reason: 'key_unknown' | 'too_many_keys' }

/** Changes rules of a key that is not revoked, within a transaction; what is absent stays. */
export async function changeApiKey(tx: Db, key: KeyReference, change: Partial<KeyRules>): Promise<ChangeApiKeyOutcome> {
  await tx.execute(lockOrganizations([key.organizationId]))
  const [found] = await readRows(tx, reading(key), KeyRules.extend({ nowMs: SafeBigint, hasRoom: z.boolean() }))
  if (!found) return { outcome: 'refused', reason: 'key_unknown' }
  const before = KeyRules.parse(found)
  const after = { ...before, ...change }
  const lives = ({ expiresAtMs }: KeyRules) => expiresAtMs === null || expiresAtMs > found.nowMs
  if (!found.hasRoom && lives(after) && !lives(before)) return { outcome: 'refused', reason: 'too_many_keys' }
  await tx.execute(writing(key, after))
  return { outcome: 'changed', before, after }
}

function reading(key: KeyReference): SQL {
  return sql`
    select k.name, k.limits, k.allowed_models as "allowedModels", k.allowed_ips as "allowedIps",
      floor(extract(epoch from k.expires_at) * 1000)::bigint as "expiresAtMs", floor(extract(epoch from now()) * 1000)::bigint as "nowMs",
      ${livingKeys(sql`k.organization_id`)} < ${maxLiveKeys} as "hasRoom"
    from api_keys k where ${isUnrevoked(key)}`
}

function writing(key: KeyReference, { name, limits, allowedModels, allowedIps, expiresAtMs }: KeyRules): SQL {
  return sql`
    with changed as (
      update api_keys k set name = ${name}, limits = ${JSON.stringify(limits)}::jsonb, allowed_models = ${sql.param(allowedModels)}::text[],
        allowed_ips = ${sql.param(allowedIps)}::text[], expires_at = ${timestampOf(expiresAtMs)}
      where ${isUnrevoked(key)}
      returning k.organization_id
    )
    update organizations o set balance_version = o.balance_version + 1 from changed c where o.id = c.organization_id`
}
