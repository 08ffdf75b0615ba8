import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { OwnKeys } from '#shared/contracts/provider-credential.ts'
import type { Db } from '../client.ts'
import { organizations, providerCredentials, secrets } from '../schema/index.ts'
import { readRows } from '../statements.ts'

/** A customer's `OwnKeys` as one statement sees them; null when there is no such customer. */
export async function readOwnKeys(db: Db, organizationId: string): Promise<OwnKeys | null> {
  const statement = sql`select ${ownKeysColumn} as own from ${organizations} where ${organizations.id} = ${organizationId}`
  const [row] = await readRows(db, statement, z.object({ own: OwnKeys }))
  return row?.own ?? null
}

/**
 * The `OwnKeys` of the row of `organizations` in the surrounding statement, as one jsonb value, in the order in which they are tried. A customer that
 * never had any is not looked up: its version is zero.
 */
export const ownKeysColumn: SQL = sql`jsonb_build_object(
  'version', ${organizations.credentialsVersion},
  'fallback', ${organizations.byokFallback},
  'credentials', case when ${organizations.credentialsVersion} = 0 then '[]'::jsonb else (
    select coalesce(jsonb_agg(jsonb_build_object(
      'credentialId', c.id,
      'provider', c.provider,
      'baseUrl', c.base_url,
      'priority', c.priority,
      'models', c.models,
      'keyIds', c.key_ids,
      'isPaused', c.status = 'paused',
      'sealed', jsonb_build_object(
        'version', s.version, 'kek', s.kek, 'kekId', s.kek_id, 'wrappedDek', s.wrapped_dek, 'sealed', s.sealed
      )
    ) order by c.priority, c.id), '[]')
    from ${providerCredentials} as c
    join ${secrets} as s on s.owner_table = 'provider_credentials' and s.owner_id = c.id and s.purpose = 'api_key'
    where c.organization_id = ${organizations.id}
  ) end
)`
