import type { Db } from '#db/client.ts'
import { listKeyIds } from '#db/queries/usage/list-key-ids.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Scope } from '../caller/caller.ts'

/**
 * Ids of the keys whose use a caller may see and has asked for; null is all of the organization. Throws 403 where keys and members are not for the caller:
 * a filter that answers with sums would name them.
 */
export async function keysInSight(
  db: Db,
  { organizationId, role, grant, callerId }: Scope,
  { keyId, memberId }: { keyId?: string | undefined; memberId?: string | undefined },
): Promise<string[] | null> {
  if (grant === 'redacted' && (keyId !== undefined || memberId !== undefined))
    throw new Problem('access_denied', `The role ${role} sees neither keys nor members.`)
  const createdBy = grant === 'own' ? callerId : memberId
  if (memberId !== undefined && memberId !== createdBy) return []
  if (createdBy === undefined) return keyId === undefined ? null : [keyId]
  return listKeyIds(db, { organizationId, createdBy, among: keyId === undefined ? undefined : [keyId] })
}
