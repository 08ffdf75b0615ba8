import { KeyStatus } from '#shared/contracts/key-status.ts'
import type { LimitState, StandingOutcome } from '#shared/contracts/ledger.ts'
import { formatUsd } from '#shared/values/money.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { rpcAnswer } from '#workers/edge/rpc-answer.ts'
import { errorOfRefusal, rateLimitHeaders, readAccount } from '../admission/admit.ts'
import type { Exchange } from '../exchange.ts'
import { unavailable } from '../unavailable.ts'
import { authenticate, forgetKey } from './authenticate.ts'

/** `GET /v1/key`: what the key that asks has left, of its limits and of its customer's credit. */
export async function readKeyStatus(exchange: Exchange): Promise<Response> {
  const caller = await authenticate(exchange)
  const ledger = exchange.surroundings.ledgerOf(caller.organizationId)
  const { organizationId, snapshot } = caller
  const asking = { keyId: caller.keyId, clientIp: exchange.clientIp }
  let outcome: StandingOutcome
  try {
    outcome = await rpcAnswer(ledger.standing(snapshot ? { ...asking, snapshot } : asking))
    if (outcome.outcome === 'snapshot_required') {
      outcome = await rpcAnswer(ledger.standing({ ...asking, snapshot: await readAccount(exchange, organizationId) }))
    }
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw unavailable()
  }
  if (outcome.outcome === 'snapshot_required') throw unavailable()
  if (outcome.outcome === 'refused') {
    if (outcome.reason === 'key_unknown') forgetKey(caller.keyHash)
    throw new ApiError(errorOfRefusal[outcome.reason])
  }
  const { standing, heldNanos, unconfirmedNanos } = outcome
  const status: KeyStatus = {
    object: 'key',
    id: caller.keyId,
    organizationId,
    credit: { availableNanos: standing.availableNanos, availableUsd: formatUsd(standing.availableNanos), heldNanos, unconfirmedNanos },
    limits: {
      requestsPerMinute: standing.requestsPerMinute,
      tokensPerMinute: standing.tokensPerMinute,
      requestsPerDay: standing.requestsPerDay,
      concurrency: standing.concurrency,
      spendPerDay: spendState(standing.spendPerDay),
      spendPerMonth: spendState(standing.spendPerMonth),
    },
  }
  return Response.json(KeyStatus.parse(status), { headers: rateLimitHeaders(standing, exchange.family) })
}

function spendState(state: LimitState | null): KeyStatus['limits']['spendPerDay'] {
  return state && { ...state, limitUsd: formatUsd(state.limit), remainingUsd: formatUsd(state.remaining) }
}
