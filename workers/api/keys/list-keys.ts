import type { Db } from '#db/client.ts'
import { type ApiKeyState, listApiKeyStates, readApiKeyState } from '#db/queries/keys/read-api-keys.ts'
import type { ApiKey } from '#shared/contracts/api/keys.ts'
import type { PageQuery } from '#shared/contracts/api/page.ts'
import { KeyId } from '#shared/contracts/customer-key.ts'
import { Problem } from '#workers/edge/problem.ts'
import { pageFrom, readCursor } from '#workers/services/cursor.ts'
import type { Scope } from '../caller/caller.ts'

/** A page of the keys that a caller may see. Throws 400 for a cursor of another list. */
export async function listKeys(db: Db, scope: Scope, { cursor, limit }: PageQuery): Promise<{ data: ApiKey[]; next: string | null }> {
  const { organizationId } = scope
  const list = `keys ${organizationId}`
  const after = readCursor(list, cursor, KeyId)
  const rows = await listApiKeyStates(db, { organizationId, createdBy: creatorOf(scope), after, limit: limit + 1 })
  const { data, next } = pageFrom({ rows, limit, list }, ({ keyId }) => keyId)
  return { data: data.map(apiKeyOf), next }
}

/** One key of those that a caller may see. Throws 404 for any other. */
export async function readKey(db: Db, scope: Scope, keyId: string): Promise<ApiKey> {
  const row = await readApiKeyState(db, { organizationId: scope.organizationId, keyId, createdBy: creatorOf(scope) })
  if (!row) throw new Problem('not_found', 'There is no such key of this organization.')
  return apiKeyOf(row)
}

/** Whose keys exist for a caller: its own alone, or, as null, everybody's. */
export function creatorOf({ grant, callerId }: Scope): string | null {
  return grant === 'own' ? callerId : null
}

function apiKeyOf({ redacted, expiresAtMs, revokedAtMs, createdAtMs, lastUsedAtMs, ...row }: ApiKeyState): ApiKey {
  return {
    ...row,
    redactedKey: redacted,
    expiresAt: timeOf(expiresAtMs),
    revokedAt: timeOf(revokedAtMs),
    lastUsedAt: timeOf(lastUsedAtMs),
    createdAt: new Date(createdAtMs).toISOString(),
  }
}

function timeOf(epochMilliseconds: number | null): string | null {
  return epochMilliseconds === null ? null : new Date(epochMilliseconds).toISOString()
}
