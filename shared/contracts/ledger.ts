import type { AccountSnapshot } from './account.ts'
import type { RequestFacts, Settlement } from './usage-event.ts'

/** What is left of a limit, for the client's rate-limit headers. `resetMs` is the time until it is whole again. */
export interface LimitState {
  limit: number
  remaining: number
  resetMs: number
}

/** A key's and its customer's means at one moment. A limit that does not exist is null. */
export interface Standing {
  availableNanos: number
  requestsPerMinute: LimitState | null
  tokensPerMinute: LimitState | null
  requestsPerDay: LimitState | null
  concurrency: LimitState | null
}

export interface AdmitRequest {
  request: RequestFacts
  /** The most the request can cost. */
  holdNanos: number
  /** The most tokens it can use; corrected at settlement. */
  reservedTokens: number
  /** Brought along when the proxy has just read Postgres. */
  snapshot?: AccountSnapshot
}

export type RefusalReason =
  | 'key_unknown'
  | 'key_expired'
  | 'model_not_allowed'
  | 'account_suspended'
  | 'insufficient_balance'
  | 'in_flight_budget'
  | 'requests_per_minute'
  | 'tokens_per_minute'
  | 'requests_per_day'
  | 'concurrency'
  | 'request_reused'

export type AdmitOutcome =
  | { outcome: 'admitted'; leaseExpiresAtMs: number; snapshotIsStale: boolean; standing: Standing }
  | { outcome: 'refused'; reason: RefusalReason; retryAfterMs: number | null; standing: Standing }
  /** The object knows nothing recent enough of the account: read Postgres and call again with `snapshot`. */
  | { outcome: 'snapshot_required' }

/** Names a hold together with all that is needed to open it again, should the object have lost it. */
export interface HoldReference {
  request: RequestFacts
  holdNanos: number
  reservedTokens: number
}

/** Extends a lease, and tells what the request would cost if its Worker were never heard of again. */
export interface RenewRequest extends HoldReference {
  report: Settlement
}

export type RenewOutcome = { outcome: 'renewed'; leaseExpiresAtMs: number } | { outcome: 'ended' }

export interface SettleRequest extends HoldReference {
  settlement: Settlement
}

/** `costNanos` is what the customer was charged: by this call, or by the first one. */
export type SettleOutcome = { outcome: 'settled' | 'already_settled' | 'adjusted'; costNanos: number }

/** Postgres has these events; balance and version are those of the transaction that posted them. */
export interface AppliedNotice {
  eventIds: string[]
  balanceNanos: number
  version: number
}

/** The object of one customer, as other Workers call it. Every method takes one object and ignores fields it does not know. */
export interface CustomerLedgerRpc {
  admit(request: AdmitRequest): Promise<AdmitOutcome> | AdmitOutcome
  renew(request: RenewRequest): Promise<RenewOutcome> | RenewOutcome
  /** Ends requests, each with its cost; answers in their order once all are durable. */
  settle(request: { settlements: SettleRequest[] }): Promise<SettleOutcome[]>
  /** Ends a hold whose request never left for an upstream: nothing is charged and nothing recorded. */
  release(request: { requestId: string }): Promise<void> | void
  applied(notice: AppliedNotice): Promise<void> | void
  refresh(request: { snapshot: AccountSnapshot }): Promise<void> | void
  standing(request: { keyId: string; snapshot?: AccountSnapshot }): Promise<StandingOutcome> | StandingOutcome
}

export type StandingOutcome =
  | { outcome: 'known'; standing: Standing; heldNanos: number; unconfirmedNanos: number }
  | { outcome: 'refused'; reason: 'key_unknown' | 'key_expired' | 'account_suspended' }
  | { outcome: 'snapshot_required' }
