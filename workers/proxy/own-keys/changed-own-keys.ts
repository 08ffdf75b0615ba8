import { ApiError, type ApiErrorCode } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { rpcAnswer } from '#workers/edge/rpc-answer.ts'
import { readAccount } from '../admission/admit.ts'
import type { Caller } from '../caller/authenticate.ts'
import type { Exchange } from '../exchange.ts'

/**
 * Whether the customer's provider credentials are no longer those by which `caller` was routed. A request that these refuse would otherwise go on being
 * refused for as long as they are kept here, because it never comes to an admission, where the ledger says so.
 */
export async function haveOwnKeysChanged(exchange: Exchange, caller: Caller): Promise<boolean> {
  const { keyId, organizationId, ownKeys } = caller
  // Postgres was read for this request.
  if (caller.snapshot) return false
  const ledger = exchange.surroundings.ledgerOf(organizationId)
  try {
    let answer = await rpcAnswer(ledger.standing({ keyId }))
    if (answer.outcome === 'snapshot_required') {
      // Told now, it knows for the next request that is refused so.
      answer = await rpcAnswer(ledger.standing({ keyId, snapshot: await readAccount(exchange, organizationId) }))
    }
    return answer.outcome === 'known' && (answer.credentialsVersion ?? 0) > ownKeys.version
  } catch (error) {
    logFailure('own_keys_not_compared', error, { organizationId })
    return false
  }
}

/** Whether a refusal before the admission may be due to the provider credentials that are known of the customer, or to those that are not. */
export function restsOnOwnKeys(error: unknown): boolean {
  return error instanceof ApiError && codes.has(error.code)
}

const codes = new Set<ApiErrorCode>([
  'byok_paused',
  'byok_unreadable',
  'byok_target',
  'byok_unavailable',
  'model_not_found',
  'wrong_endpoint',
  'not_sold',
  'no_route',
])
