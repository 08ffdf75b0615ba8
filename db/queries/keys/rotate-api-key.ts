import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'
import { lockOrganizations } from '../lock-organizations.ts'
import { maxLiveKeys } from '../snapshot-column.ts'
import { isUnrevoked, type KeyReference } from './key-reference.ts'
import { livingKeys } from './living-keys.ts'

/** The key that takes the place of another. */
export interface NextKey {
  keyId: string
  keyHash: string
  redacted: string
  /** Id of who makes it. */
  createdBy: string
}

export type RotateApiKeyOutcome =
  /**
   * `endsAtMs` is when the old key ends: after the overlap, or earlier when it would have ended anyway. `name` is that of both keys, `redacted` of the old.
   */
  | { outcome: 'rotated'; endsAtMs: number; name: string; redacted: string }
  /** `already_rotated`: a key that is not revoked has taken its place before. */
  | { outcome: 'refused'; reason: 'key_unknown' | 'key_expired' | 'already_rotated' | 'too_many_keys' }

/**
 * Adds a key with the rules of another, which ends after `overlapSeconds`; within a transaction. Provider credentials that are bound to the old key are
 * bound to the new one as well.
 */
export async function rotateApiKey(tx: Db, key: KeyReference, next: NextKey, overlapSeconds: number): Promise<RotateApiKeyOutcome> {
  await tx.execute(lockOrganizations([key.organizationId]))
  const [found] = await readRows(tx, reading(key), Found)
  if (!found) return { outcome: 'refused', reason: 'key_unknown' }
  if (found.isRotated) return { outcome: 'refused', reason: 'already_rotated' }
  if (found.isExpired) return { outcome: 'refused', reason: 'key_expired' }
  // Without an overlap the old key makes room for the new one.
  if (found.living - (overlapSeconds === 0 ? 1 : 0) >= maxLiveKeys) return { outcome: 'refused', reason: 'too_many_keys' }
  await tx.execute(adding(key, next))
  await tx.execute(binding(key, next))
  const [ended] = await readRows(tx, ending(key, overlapSeconds), Ended)
  return ended ? { outcome: 'rotated', ...ended } : { outcome: 'refused', reason: 'key_unknown' }
}

const Ended = z.object({ endsAtMs: SafeBigint, name: z.string(), redacted: z.string() })
const Found = z.object({ isExpired: z.boolean(), isRotated: z.boolean(), living: SafeBigint })

function reading(key: KeyReference): SQL {
  return sql`
    select coalesce(k.expires_at <= now(), false) as "isExpired", ${livingKeys(sql`k.organization_id`)} as living, exists (
      select 1 from api_keys later where later.organization_id = k.organization_id and later.replaces = k.id and later.revoked_at is null
    ) as "isRotated"
    from api_keys k where ${isUnrevoked(key)}`
}

function adding(key: KeyReference, next: NextKey): SQL {
  return sql`
    insert into api_keys (
      id, organization_id, name, key_hash, redacted, created_by, replaces, limits, allowed_models, allowed_ips, expires_at
    )
    select ${next.keyId}, k.organization_id, k.name, ${next.keyHash}, ${next.redacted}, ${next.createdBy}, k.id, k.limits, k.allowed_models,
      k.allowed_ips, k.expires_at
    from api_keys k where ${isUnrevoked(key)}`
}

/** What the old one may use beside our credit; keys that have ended leave the lists, or rotations would lengthen them for ever. */
function binding({ organizationId, keyId }: KeyReference, next: NextKey): SQL {
  return sql`
    with bound as (
      update provider_credentials c set key_ids = array(
        select k.id from unnest(c.key_ids) bound_id
        join api_keys k on k.id = bound_id and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
      ) || ${next.keyId}::text
      where c.organization_id = ${organizationId} and ${keyId} = any(c.key_ids)
      returning c.organization_id
    )
    update organizations o set credentials_version = o.credentials_version + 1 where o.id in (select organization_id from bound)`
}

function ending(key: KeyReference, overlapSeconds: number): SQL {
  return sql`
    with ended as (
      update api_keys k set expires_at = least(k.expires_at, now() + make_interval(secs => ${overlapSeconds})) where ${isUnrevoked(key)}
      returning k.organization_id, k.expires_at, k.name, k.redacted
    )
    update organizations o set balance_version = o.balance_version + 1 from ended e where o.id = e.organization_id
    returning floor(extract(epoch from e.expires_at) * 1000)::bigint as "endsAtMs", e.name, e.redacted`
}
