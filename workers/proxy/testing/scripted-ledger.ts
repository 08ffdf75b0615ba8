import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type {
  AdmitOutcome,
  AdmitRequest,
  CustomerLedgerRpc,
  FindOutcome,
  RenewRequest,
  SettleRequest,
  Standing,
  StandingOutcome,
} from '#shared/contracts/ledger.ts'

export const standing: Standing = {
  availableNanos: 1_000,
  requestsPerMinute: null,
  tokensPerMinute: null,
  requestsPerDay: null,
  concurrency: null,
  spendPerDay: null,
  spendPerMonth: null,
}

/** The far side of the proxy: remembers what it was asked, and answers an admission as it is told to. */
export class ScriptedLedger {
  readonly admitted: AdmitRequest[] = []
  readonly renewed: RenewRequest[] = []
  readonly settled: SettleRequest[] = []
  readonly released: string[] = []
  readonly organizations = new Set<string>()
  leaseMs = 60_000
  /** Answers an admission; by default with a lease. Throws as a Durable Object does. */
  answer: () => AdmitOutcome = () => ({
    outcome: 'admitted',
    leaseExpiresAtMs: Date.now() + this.leaseMs,
    snapshotIsStale: false,
    standing,
  })

  /** Answers what is known of a request. */
  found: FindOutcome = { state: 'unknown' }
  /** Answers what a key has left. Throws as a Durable Object does. */
  stands: (request: { snapshot?: AccountSnapshot }) => StandingOutcome = () => ({ outcome: 'snapshot_required' })
  readonly sought: { requestId: string; keyId: string }[] = []

  readonly ledgerOf = (organizationId: string): CustomerLedgerRpc => {
    this.organizations.add(organizationId)
    return {
      admit: async (request) => {
        this.admitted.push(request)
        return this.answer()
      },
      renew: async (request) => {
        this.renewed.push(request)
        return { outcome: 'renewed', leaseExpiresAtMs: Date.now() + this.leaseMs }
      },
      settle: async ({ settlements }) => {
        this.settled.push(...settlements)
        return settlements.map(({ settlement }) => ({ outcome: 'settled', costNanos: settlement.costNanos }))
      },
      release: async ({ requestId }) => void this.released.push(requestId),
      applied: async () => undefined,
      refresh: async () => undefined,
      find: async (request) => {
        this.sought.push(request)
        return this.found
      },
      standing: async (request) => this.stands(request),
      audit: async () => ({ balance: null, heldNanos: 0, holds: [], unconfirmedNanos: 0, unconfirmed: [] }),
    }
  }
}
