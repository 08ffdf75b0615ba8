import type { AccountSnapshot } from './account.ts'
import type { RequestFacts, Settlement, UsageEvent } from './usage-event.ts'

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
  /** Spend caps in nano-dollars; what running requests hold is not remaining. */
  spendPerDay: LimitState | null
  spendPerMonth: LimitState | null
}

/** The most that one more request may hold and reserve at this moment; a limit that does not exist is null. */
export interface Room {
  holdNanos: number
  tokens: number | null
}

export interface AdmitRequest {
  request: RequestFacts
  /** The most the request can cost. */
  holdNanos: number
  /** The most tokens it can use; corrected at settlement. */
  reservedTokens: number
  /** Brought along when the proxy has just read Postgres. */
  snapshot?: AccountSnapshot
  /** Other models that may be served instead: the key must be allowed to use all of them. */
  fallbackModels?: string[]
  idempotency?: Idempotency
  /** The version of the customer's provider credentials by which the request was routed. */
  credentialsVersion?: number
  /** Nothing but the customer's own provider credentials serves it: it holds nothing, and needs no balance. */
  isByok?: boolean
}

/** What a client said with `Idempotency-Key`, as SHA-256 in hex: the key of this API key, and the request it stands for. */
export interface Idempotency {
  keyHash: string
  bodyHash: string
}

export type RefusalReason =
  | 'key_unknown'
  | 'key_expired'
  | 'ip_not_allowed'
  | 'model_not_allowed'
  | 'account_suspended'
  | 'insufficient_balance'
  | 'in_flight_budget'
  | 'requests_per_minute'
  | 'tokens_per_minute'
  | 'requests_per_day'
  | 'concurrency'
  | 'spend_per_day'
  | 'spend_per_month'
  /** Too much is settled and not in Postgres: the object takes nothing more until that is confirmed. */
  | 'unconfirmed_backlog'
  | 'request_reused'
  /** The request that brought this idempotency key first still runs. */
  | 'idempotency_running'
  /** It has ended with something delivered or charged. */
  | 'idempotency_ended'
  /** It was another request. */
  | 'idempotency_key_reused'

/** The request that a refused idempotency key stands for; its cost is null while it runs. */
export interface EarlierRequest {
  requestId: string
  costNanos: number | null
}

export type AdmitOutcome =
  | { outcome: 'admitted'; leaseExpiresAtMs: number; snapshotIsStale: boolean; standing: Standing }
  /** `room` tells what would fit when the request is too large for money, a spend cap or the tokens of a minute; else null. */
  | {
      outcome: 'refused'
      reason: RefusalReason
      retryAfterMs: number | null
      standing: Standing
      room: Room | null
      /** Set when the idempotency key is what refuses. */
      earlier?: EarlierRequest
    }
  /** The object knows nothing recent enough of the account: read Postgres and call again with `snapshot`. */
  | { outcome: 'snapshot_required' }
  /** The customer's provider credentials are no longer those by which the request was routed: read them and begin anew. */
  | { outcome: 'credentials_changed' }

/** Names a hold together with all that is needed to open it again, should the object have lost it. */
export interface HoldReference {
  request: RequestFacts
  holdNanos: number
  reservedTokens: number
  /** As admitted. */
  idempotency?: Idempotency
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
  /** What is known of a request of this key that Postgres may not have yet. Counts nothing. */
  find(request: { requestId: string; keyId: string }): Promise<FindOutcome> | FindOutcome
  /** `clientIp` is the address of who asks with the key itself; absent when somebody else asks about it. */
  standing(request: { keyId: string; clientIp?: string; snapshot?: AccountSnapshot }): Promise<StandingOutcome> | StandingOutcome
  /** What the object holds and awaits, for reconciliation. Counts nothing, changes nothing. */
  audit(request: Record<string, never>): Promise<LedgerAudit> | LedgerAudit
}

/** The object's own books, oldest first; each list ends after `auditedMost` of `limits.ts` in the ledger, its sum does not. */
export interface LedgerAudit {
  /** Null while the object has never heard of a balance. */
  balance: { balanceNanos: number; version: number } | null
  heldNanos: number
  holds: { requestId: string; holdNanos: number; leaseExpiresAtMs: number }[]
  unconfirmedNanos: number
  unconfirmed: { eventId: string; amountNanos: number; settledAtMs: number }[]
}

export type StandingOutcome =
  /** `credentialsVersion` as in AccountSnapshot. */
  | { outcome: 'known'; standing: Standing; heldNanos: number; unconfirmedNanos: number; credentialsVersion?: number }
  | { outcome: 'refused'; reason: 'key_unknown' | 'key_expired' | 'ip_not_allowed' | 'account_suspended' }
  | { outcome: 'snapshot_required' }

/** `unknown` is also what Postgres has confirmed: an event leaves the object only after it was posted. */
export type FindOutcome = { state: 'running'; request: RequestFacts } | { state: 'settled'; event: UsageEvent } | { state: 'unknown' }
