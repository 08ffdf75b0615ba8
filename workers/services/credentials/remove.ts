import { removeProviderCredential } from '#db/queries/remove-provider-credential.ts'
import type { CredentialChangeAnswer } from '#shared/contracts/provider-credential.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'

/** Forgets a credential and its key; null when the customer has no such credential. */
export async function removeCredential(
  platform: Platform,
  which: { organizationId: string; credentialId: string },
): Promise<CredentialChangeAnswer | null> {
  const { organizationId, credentialId } = which
  const { value, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    if (!(await removeProviderCredential(tx, which))) return null
    const target = { type: 'provider_credential', id: credentialId }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action: 'provider_credential.removed', target })
    return which
  })
  return value && { ...value, pushed }
}
