import { type RecordedRequest, readRequest } from '#db/queries/read-request.ts'
import type { FindOutcome } from '#shared/contracts/ledger.ts'
import { RequestStatus } from '#shared/contracts/request-status.ts'
import type { RequestFacts, Settlement } from '#shared/contracts/usage-event.ts'
import { timeOfId } from '#shared/values/id.ts'
import { formatUsd } from '#shared/values/money.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { rpcAnswer } from '#workers/edge/rpc-answer.ts'
import { shownAttempts } from '#workers/services/requests/shown-attempts.ts'
import { authenticate, type Caller } from './caller/authenticate.ts'
import type { Exchange } from './exchange.ts'
import { unavailable } from './unavailable.ts'

/**
 * `GET /v1/requests/{id}`: what became of a request that the key that asks has made. The ledger is asked first: it lets go of a request only after
 * Postgres has posted it, so what it does not know any more Postgres does.
 */
export async function readRequestStatus(exchange: Exchange, requestId: string): Promise<Response> {
  const caller = await authenticate(exchange)
  if (timeOfId('req', requestId) === null) throw new ApiError('request_not_found')
  const found = await findInLedger(exchange, caller, requestId)
  if (found.state === 'running') return answer(runningStatus(found.request))
  if (found.state === 'settled') return answer(endedStatus('settled', found.event))
  const recorded = await findInPostgres(exchange, caller, requestId)
  if (!recorded) throw new ApiError('request_not_found')
  return answer(endedStatus('recorded', recorded))
}

async function findInLedger({ surroundings }: Exchange, { organizationId, keyId }: Caller, requestId: string): Promise<FindOutcome> {
  try {
    return await rpcAnswer(surroundings.ledgerOf(organizationId).find({ requestId, keyId }))
  } catch (error) {
    logFailure('request_find_failed', error, { organizationId })
    throw unavailable()
  }
}

async function findInPostgres({ surroundings }: Exchange, { organizationId, keyId }: Caller, requestId: string) {
  try {
    return await readRequest(surroundings.db, { organizationId, keyIds: [keyId], requestId })
  } catch (error) {
    logFailure('request_read_failed', error, { organizationId })
    throw unavailable()
  }
}

function answer(status: RequestStatus): Response {
  return Response.json(RequestStatus.parse(status))
}

function runningStatus(request: RequestFacts): RequestStatus {
  return {
    ...factsStatus(request),
    state: 'running',
    status: null,
    end: null,
    latencyMs: null,
    timeToFirstTokenMs: null,
    usage: null,
    cost: null,
    estimated: false,
    capped: false,
    route: null,
    byok: null,
    credentialId: null,
    attempts: [],
  }
}

function endedStatus(state: 'settled' | 'recorded', { request, settlement }: RecordedRequest): RequestStatus {
  const { costNanos, usage, estimated, capped, end, status, latencyMs, timeToFirstTokenMs, served, credentialId } = settlement
  return {
    ...factsStatus({ ...request, model: served?.model ?? request.model }),
    state,
    status,
    end,
    latencyMs,
    timeToFirstTokenMs,
    usage,
    cost: { nanos: costNanos, usd: formatUsd(costNanos) },
    estimated,
    capped,
    route: routeOf(settlement),
    byok: credentialId !== undefined,
    credentialId: credentialId ?? null,
    attempts: shownAttempts(settlement),
  }
}

function factsStatus({ requestId, model, path, startedAtMs }: RecordedRequest['request']) {
  return { object: 'request', id: requestId, model, endpoint: path, createdAt: new Date(startedAtMs).toISOString() } as const
}

function routeOf({ routeId, upstream }: Settlement): RequestStatus['route'] {
  return routeId === null || upstream === null ? null : { id: routeId, upstream }
}
