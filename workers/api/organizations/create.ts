import { createWithOwner } from '#db/queries/organizations/create-with-owner.ts'
import { newId } from '#shared/values/id.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Person } from '../caller/caller.ts'
import { maxOwnedOrganizations } from '../limits.ts'

/** Makes an organization that a person owns, and answers its id. Its ledger object is not told: the first request decides where that lives. */
export async function createOwned(platform: Platform, { userId, isEmailVerified }: Person, name: string): Promise<string> {
  if (!isEmailVerified) throw new Problem('access_denied', 'Verify the address of your account first.')
  const organizationId = newId('org')
  await platform.transact(async (tx) => {
    if (!(await createWithOwner(tx, { organizationId, name, userId, most: maxOwnedOrganizations })))
      throw new Problem('conflict', `You own ${maxOwnedOrganizations} organizations already. Delete or transfer one first.`)
    const target = { type: 'organization', id: organizationId }
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'organization.created',
      target,
      after: { name, owner: userId },
    })
  })
  return organizationId
}
