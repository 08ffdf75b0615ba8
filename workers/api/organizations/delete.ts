import type { OrganizationDeletion } from '#shared/contracts/api/organizations.ts'
import { formatUsd } from '#shared/values/money.ts'
import { Problem } from '#workers/edge/problem.ts'
import { changeAccount } from '#workers/services/ledger/change-account.ts'
import { closeOrganization } from '#workers/services/organizations/close-organization.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Scope } from '../caller/caller.ts'
import { type Locked, lockScope } from './lock-scope.ts'

/** Closes an organization for good, once its owner has named it and owes nothing. Credit that is given up stays on the books, where nobody can spend it. */
export async function deleteOrganization(platform: Platform, scope: Scope, wanted: OrganizationDeletion): Promise<void> {
  await changeAccount(platform, scope.organizationId, async (tx) => {
    refuseDeletion(await lockScope(tx, scope, 'organization.delete'), wanted)
    return closeOrganization(tx, platform.actor, scope.organizationId)
  })
}

function refuseDeletion({ personal, name, balanceNanos }: Locked, { confirm, forfeitBalance }: OrganizationDeletion): void {
  if (personal) throw new Problem('conflict', 'A personal organization goes with its account: delete the account.')
  if (confirm !== name)
    throw new Problem('invalid_request', 'Confirm with the name of the organization.', [
      { pointer: '#/confirm', detail: 'is not its name' },
    ])
  if (balanceNanos < 0)
    throw new Problem('conflict', `The organization owes $${formatUsd(-balanceNanos)}. Settle that first, then delete it.`)
  if (balanceNanos > 0 && !forfeitBalance)
    throw new Problem('conflict', `There is credit of $${formatUsd(balanceNanos)} left. Use it up, or give it up with \`forfeitBalance\`.`)
}
