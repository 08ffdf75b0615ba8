import { removeProviderCredential } from '#db/queries/remove-provider-credential.ts'
import type { CredentialChangeAnswer } from '#shared/contracts/provider-credential.ts'
import { pushSnapshot } from '../ledger/push-snapshot.ts'
import type { Platform } from '../platform.ts'

/** Forgets a credential and its key; null when the customer has no such credential. */
export async function removeCredential(
  platform: Platform,
  which: { organizationId: string; credentialId: string },
): Promise<CredentialChangeAnswer | null> {
  if (!(await removeProviderCredential(platform.db, which))) return null
  return { ...which, pushed: await pushSnapshot(platform, which.organizationId) }
}
