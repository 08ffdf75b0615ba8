import { Problem } from '#workers/edge/problem.ts'
import { changeAccount } from '#workers/services/ledger/change-account.ts'
import type { Platform } from '#workers/services/platform.ts'
import { type RedeemOutcome, redeemCode } from '#workers/services/promotions/redeem.ts'
import { shownGrant } from '#workers/services/promotions/shown-grant.ts'
import type { Scope } from '../caller/caller.ts'
import type { Surroundings } from '../env.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { lockScope } from '../organizations/lock-scope.ts'

/** Redeems a code for an organization. Attempts are counted against the organization and the address, so that nobody guesses codes. */
export async function redeemForScope({ redis }: Surroundings, platform: Platform, ip: string, scope: Scope, code: string) {
  const { organizationId } = scope
  await limitAttempts(redis, 'promotion_code', { ip, account: organizationId })
  const { value } = await changeAccount(platform, organizationId, async (tx) => {
    await lockScope(tx, scope, 'billing.top_up')
    const outcome = await redeemCode(tx, platform.actor, organizationId, code)
    // Thrown within, so that nothing is kept of what is refused.
    if (outcome.outcome === 'refused') throw problemOf(outcome)
    return outcome
  })
  return shownGrant(value.grant, Date.now())
}

function problemOf({ reason }: Extract<RedeemOutcome, { outcome: 'refused' }>): Problem {
  switch (reason) {
    case 'organization_unknown':
      return new Problem('not_found', 'There is no such organization.')
    case 'not_redeemable':
      return new Problem(
        'not_found',
        'There is no such code, its time is over, or it was redeemed as often as it may be. See whether it is typed as you were given it, or ask whoever gave it to you for another.',
      )
    case 'granted_before':
      return new Problem('conflict', 'The organization has redeemed this code already.')
    case 'balance_out_of_range':
      return new Problem('amount_out_of_range', 'The balance would leave the range of 4.5 million dollars. Nothing was redeemed.')
  }
}
