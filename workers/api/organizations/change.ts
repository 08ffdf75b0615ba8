import { changeOrganization } from '#db/queries/organizations/change-organization.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Caller, Scope } from '../caller/caller.ts'
import { lockScope } from './lock-scope.ts'

/** Gives an organization another name. */
export async function rename(platform: Platform, scope: Scope, name: string): Promise<void> {
  const { organizationId } = scope
  await platform.transact(async (tx) => {
    const before = await lockScope(tx, scope, 'organization.change')
    await changeOrganization(tx, organizationId, { name })
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'organization.renamed',
      target: { type: 'organization', id: organizationId },
      before: { name: before.name },
      after: { name },
    })
  })
}

/** Sets whether members must sign in with a second factor. Who requires it has used one, and so cannot lock themselves out. */
export async function requireTwoFactor(
  platform: Platform,
  scope: Scope,
  { caller, required }: { caller: Caller; required: boolean },
): Promise<void> {
  const { organizationId } = scope
  if (required && !(caller.type === 'person' && caller.hasSecondFactor))
    throw new Problem('conflict', 'Set up a second factor and sign in with it first: you would shut yourself out.')
  await platform.transact(async (tx) => {
    const before = await lockScope(tx, scope, 'two_factor.require')
    await changeOrganization(tx, organizationId, { requireTwoFactor: required })
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'organization.two_factor_required',
      target: { type: 'organization', id: organizationId },
      before: { required: before.requireTwoFactor },
      after: { required },
    })
  })
}
