import { readAccountSnapshot } from '#db/queries/read-account-snapshot.ts'
import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type { Family } from '#shared/contracts/dialect.ts'
import type {
  AdmitOutcome,
  AdmitRequest,
  HoldReference,
  Idempotency,
  LimitState,
  RefusalReason,
  Standing,
} from '#shared/contracts/ledger.ts'
import { formatUsd } from '#shared/values/money.ts'
import { ApiError, type ApiErrorCode, messageOf } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { rpcAnswer } from '#workers/edge/rpc-answer.ts'
import { type Caller, forgetKey } from '../caller/authenticate.ts'
import type { Exchange } from '../exchange.ts'
import { unavailable } from '../unavailable.ts'
import type { Hold } from './hold.ts'

/** What else an admission asks for. */
export interface Terms {
  fallbackModels?: string[]
  idempotency?: Idempotency | undefined
  /** Nothing but the customer's own accounts serves it. */
  isByok?: boolean
}

export interface Admission {
  reference: HoldReference
  organizationId: string
  leaseMs: number
  /** What is left of the limits, for the client. */
  headers: Record<string, string>
}

/**
 * Asks the customer's ledger for everything at once: key, limits, concurrency, money. Throws the refusal in the client's terms. The key must be allowed
 * to use each of `fallbackModels` as well; with `idempotency` the request runs once. Null when the customer's provider credentials are no longer those
 * of `caller`: nothing was counted, and the request is to be routed anew.
 */
export async function admit(exchange: Exchange, caller: Caller, hold: Hold, terms: Terms): Promise<Admission | null> {
  const { organizationId, ownKeys } = caller
  const { fallbackModels = [], idempotency, isByok } = terms
  const ask = (reference: HoldReference, snapshot?: AccountSnapshot) =>
    askLedger(exchange, organizationId, {
      ...reference,
      ...(fallbackModels.length > 0 && { fallbackModels }),
      ...(ownKeys.version > 0 && { credentialsVersion: ownKeys.version }),
      ...(isByok && { isByok }),
      ...(snapshot && { snapshot }),
    })
  const identified = (reference: HoldReference) => (idempotency ? { ...reference, idempotency } : reference)
  let reference = identified(hold.reference)
  let outcome = await ask(reference, caller.snapshot)
  if (outcome.outcome === 'snapshot_required') outcome = await ask(reference, await readAccount(exchange, organizationId))
  if (outcome.outcome === 'refused' && outcome.room) {
    // A refusal has counted nothing, so the same request may ask again for less.
    const tighter = await hold.tighter(outcome.room)
    if (tighter) {
      reference = identified(tighter)
      outcome = await ask(reference)
    }
  }
  if (outcome.outcome === 'credentials_changed') return null
  if (outcome.outcome === 'snapshot_required') throw unavailable()
  const headers = rateLimitHeaders(outcome.standing, exchange.family)
  if (outcome.outcome === 'refused') {
    if (outcome.reason === 'key_unknown') forgetKey(caller.keyHash)
    const code = errorOfRefusal[outcome.reason]
    throw new ApiError(code, { retryAfterMs: outcome.retryAfterMs, headers, message: refusalMessage(code, outcome, hold) })
  }
  if (outcome.snapshotIsStale) exchange.waitUntil(refresh(exchange, organizationId))
  return { reference, organizationId, leaseMs: outcome.leaseExpiresAtMs - Date.now(), headers }
}

/** What the client is told beside the code: what would fit, or which request came first. */
function refusalMessage(code: ApiErrorCode, { room, earlier }: Extract<AdmitOutcome, { outcome: 'refused' }>, hold: Hold): string {
  if (room) return `${messageOf(code)} ${hold.advice(room)}`
  if (!earlier) return messageOf(code)
  const cost = earlier.costNanos === null ? '' : ` and cost ${formatUsd(earlier.costNanos)} dollars`
  return `${messageOf(code)} It is ${earlier.requestId}${cost}: see GET /v1/requests/${earlier.requestId}.`
}

/** The ledger's refusals in the client's terms. */
export const errorOfRefusal: Record<RefusalReason, ApiErrorCode> = {
  key_unknown: 'invalid_api_key',
  key_expired: 'api_key_expired',
  ip_not_allowed: 'ip_not_allowed',
  model_not_allowed: 'model_not_allowed',
  account_suspended: 'account_suspended',
  insufficient_balance: 'insufficient_balance',
  in_flight_budget: 'in_flight_budget',
  requests_per_minute: 'requests_per_minute',
  tokens_per_minute: 'tokens_per_minute',
  requests_per_day: 'requests_per_day',
  concurrency: 'concurrency',
  spend_per_day: 'spend_per_day',
  spend_per_month: 'spend_per_month',
  unconfirmed_backlog: 'unavailable',
  request_reused: 'internal_error',
  idempotency_running: 'idempotency_running',
  idempotency_ended: 'idempotency_ended',
  idempotency_key_reused: 'idempotency_key_reused',
}

/** The account as Postgres has it now; throws 503 when it cannot be read, because money fails closed. */
export async function readAccount({ surroundings }: Exchange, organizationId: string): Promise<AccountSnapshot> {
  const snapshot = await readAccountSnapshot(surroundings.db, organizationId).catch((error: unknown) => {
    logFailure('account_read_failed', error, { organizationId })
    throw unavailable()
  })
  if (!snapshot) throw new ApiError('invalid_api_key')
  return snapshot
}

/**
 * What is left, as the client's family writes it. Where requests are limited by the minute and by the day, `requests` is the one with less left, and
 * each stands under its own name as well. Spend caps are in dollars. Nothing for what is not limited.
 */
export function rateLimitHeaders(standing: Standing, family: Family): Record<string, string> {
  const { requestsPerMinute: minute, tokensPerMinute, requestsPerDay: day, spendPerDay, spendPerMonth } = standing
  const requests = minute && day ? (day.remaining < minute.remaining ? day : minute) : (minute ?? day)
  return {
    ...(family === 'anthropic'
      ? { ...anthropicHeaders('requests', requests), ...anthropicHeaders('tokens', tokensPerMinute) }
      : { ...limitHeaders('requests', requests, String), ...limitHeaders('tokens', tokensPerMinute, String) }),
    ...limitHeaders('requests-minute', day && minute, String),
    ...limitHeaders('requests-day', day, String),
    ...limitHeaders('spend-day-usd', spendPerDay, formatUsd),
    ...limitHeaders('spend-month-usd', spendPerMonth, formatUsd),
  }
}

function limitHeaders(what: string, state: LimitState | null, write: (amount: number) => string): Record<string, string> {
  if (!state) return {}
  return {
    [`x-ratelimit-limit-${what}`]: write(state.limit),
    [`x-ratelimit-remaining-${what}`]: write(state.remaining),
    [`x-ratelimit-reset-${what}`]: `${state.resetMs}ms`,
  }
}

/** Anthropic's clients know `anthropic-ratelimit-*`, whose reset is a time in RFC 3339. */
function anthropicHeaders(what: string, state: LimitState | null): Record<string, string> {
  if (!state) return {}
  return {
    [`anthropic-ratelimit-${what}-limit`]: String(state.limit),
    [`anthropic-ratelimit-${what}-remaining`]: String(state.remaining),
    [`anthropic-ratelimit-${what}-reset`]: new Date(Date.now() + state.resetMs).toISOString(),
  }
}

/** Admission is idempotent by the request id, so it is asked once more where the platform says that may help. */
async function askLedger(exchange: Exchange, organizationId: string, request: AdmitRequest): Promise<AdmitOutcome> {
  const { requestId, surroundings } = exchange
  try {
    return await rpcAnswer(surroundings.ledgerOf(organizationId).admit(request))
  } catch (error) {
    if (isWorthAnotherTry(error)) {
      const outcome = await rpcAnswer(surroundings.ledgerOf(organizationId).admit(request)).catch(() => null)
      if (outcome) return outcome
    }
    logFailure('admit_failed', error, { requestId, organizationId })
    // The call may have got through without its answer: what it holds is given back at once instead of when its lease ends.
    exchange.waitUntil(Promise.resolve(surroundings.ledgerOf(organizationId).release({ requestId })).catch(() => undefined))
    throw unavailable()
  }
}

/** Durable Objects mark errors after which a call may be repeated, and those of an overload, which a repetition makes worse. */
function isWorthAnotherTry(error: unknown): boolean {
  const isMarked = (mark: string) => typeof error === 'object' && error !== null && mark in error && Boolean(Reflect.get(error, mark))
  return isMarked('retryable') && !isMarked('overloaded')
}

async function refresh(exchange: Exchange, organizationId: string): Promise<void> {
  try {
    const snapshot = await readAccount(exchange, organizationId)
    await exchange.surroundings.ledgerOf(organizationId).refresh({ snapshot })
  } catch (error) {
    logFailure('refresh_failed', error, { organizationId })
  }
}
