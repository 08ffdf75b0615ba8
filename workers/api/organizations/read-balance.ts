import type { Db } from '#db/client.ts'
import { exhaustedBelowNanos } from '#db/queries/raise-balance-events.ts'
import { readAccountSnapshot } from '#db/queries/read-account-snapshot.ts'
import { type OrganizationRow, readOrganization } from '#db/queries/read-organization.ts'
import type { Balance } from '#shared/contracts/api/billing.ts'
import { assert } from '#shared/values/assert.ts'
import type { LedgerNamespace } from '#workers/services/ledger/namespace.ts'
import { viewLedger } from '#workers/services/ledger/view.ts'
import { readSettledGrants } from '#workers/services/promotions/settle-grants.ts'
import { promotionalNanosOf } from '#workers/services/promotions/spend-from-grants.ts'
import type { Scope } from '../caller/caller.ts'
import { ledgerViewTimeoutMs } from '../limits.ts'

/** What an organization has left. The ledger object is asked for what only it knows, but not waited for; a redacted reader learns no amount. */
export async function readBalance({ db, ledger }: { db: Db; ledger: LedgerNamespace }, { organizationId, grant }: Scope): Promise<Balance> {
  const [row, snapshot, settled] = await Promise.all([
    readOrganization(db, organizationId),
    readAccountSnapshot(db, organizationId),
    readSettledGrants(db, organizationId),
  ])
  assert(row && snapshot && settled, 'the guard has seen the organization')
  const state = stateOf(row)
  if (grant !== 'yes') return { state, ...noAmounts }
  const { view } = await viewLedger(ledger, snapshot, ledgerViewTimeoutMs)
  const { balanceNanos, overdraftNanos, lowBalanceNanos } = row
  const promotionalNanos = promotionalNanosOf(settled.grants, balanceNanos)
  return { state, ...noAmounts, balanceNanos, promotionalNanos, overdraftNanos, lowBalanceNanos, ...view }
}

const noAmounts = {
  balanceNanos: null,
  promotionalNanos: null,
  overdraftNanos: null,
  lowBalanceNanos: null,
  heldNanos: null,
  unconfirmedNanos: null,
  availableNanos: null,
}

/** By the thresholds at which the events `balance.exhausted` and `balance.low` are raised. */
function stateOf({ balanceNanos, overdraftNanos, lowBalanceNanos }: OrganizationRow): Balance['state'] {
  if (balanceNanos + overdraftNanos < exhaustedBelowNanos) return 'exhausted'
  return lowBalanceNanos !== null && balanceNanos < lowBalanceNanos ? 'low' : 'ok'
}
