import type { Db } from '#db/client.ts'
import { readRequest } from '#db/queries/read-request.ts'
import type { RequestDetail } from '#shared/contracts/api/requests.ts'
import { Problem } from '#workers/edge/problem.ts'
import { shownAttempts } from '#workers/services/requests/shown-attempts.ts'
import type { Scope } from '../caller/caller.ts'
import { keysInSight } from './keys-in-sight.ts'

/** One request, as far as the caller may see it. Throws 404 for that of another organization, and with `own` for that of another's key. */
export async function showRequest(db: Db, scope: Scope, requestId: string): Promise<RequestDetail> {
  const keyIds = await keysInSight(db, scope, {})
  const found = await readRequest(db, { organizationId: scope.organizationId, keyIds, requestId })
  if (!found) throw new Problem('not_found', 'There is no such request.')
  const { request, settlement } = found
  const {
    costNanos,
    usage,
    estimated,
    capped,
    end,
    status,
    routeId,
    upstream,
    credentialId = null,
    latencyMs,
    timeToFirstTokenMs,
  } = settlement
  const { keyId, clientIp, userAgent, startedAtMs, ...facts } = request
  return {
    ...facts,
    createdAt: new Date(startedAtMs).toISOString(),
    status,
    outcome: end,
    provider: upstream,
    routeId,
    byok: credentialId !== null,
    usage,
    costNanos,
    estimated,
    capped,
    latencyMs,
    timeToFirstTokenMs,
    attempts: shownAttempts(settlement),
    ...(scope.grant !== 'redacted' && { keyId, credentialId, clientIp, userAgent }),
  }
}
