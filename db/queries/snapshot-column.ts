import { type SQL, sql } from 'drizzle-orm'
import { apiKeys, organizations } from '../schema/index.ts'

/** A customer has at most this many keys that are neither revoked nor expired: a snapshot carries all of them, and expired ones as far as there is room. */
export const maxLiveKeys = 1_000

/** The whole AccountSnapshot of the row of `organizations` in the surrounding statement, as one jsonb value. */
export const snapshotColumn: SQL = sql`jsonb_build_object(
  'organizationId', ${organizations.id},
  'status', ${organizations.status},
  'balanceNanos', ${organizations.balanceNanos},
  'overdraftNanos', ${organizations.overdraftNanos},
  'version', ${organizations.balanceVersion},
  'limits', ${organizations.limits},
  'credentialsVersion', ${organizations.credentialsVersion},
  'keys', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'keyId', living.id,
      'limits', living.limits,
      'allowedModels', living.allowed_models,
      'expiresAtMs', floor(extract(epoch from living.expires_at) * 1000)
    ) || case when living.allowed_ips is null then '{}'::jsonb else jsonb_build_object('allowedIps', living.allowed_ips) end), '[]')
    from (
      select * from ${apiKeys} as k
      where k.organization_id = ${organizations.id} and k.revoked_at is null
      order by (k.expires_at is null or k.expires_at > now()) desc, k.id limit ${maxLiveKeys}
    ) living
  )
)`
