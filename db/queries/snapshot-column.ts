import { type SQL, sql } from 'drizzle-orm'
import { apiKeys, organizations } from '../schema/index.ts'

/** A customer has at most this many keys that are not revoked: a snapshot carries all of them. */
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
    )), '[]')
    from (
      select * from ${apiKeys} as k
      where k.organization_id = ${organizations.id} and k.revoked_at is null
      order by k.id limit ${maxLiveKeys}
    ) living
  )
)`
