import { findProviderCredential } from '#db/queries/find-provider-credential.ts'
import { type CredentialTest, credentialPlace } from '#shared/contracts/provider-credential.ts'
import { openSecret } from '../secrets/open.ts'
import { askProvider } from './ask-provider.ts'
import type { CredentialPlatform } from './credential-platform.ts'
import { type LocationRefusal, locateProvider } from './locate-provider.ts'

export type TestCredentialOutcome =
  | { outcome: 'tested'; test: CredentialTest }
  | LocationRefusal
  | { outcome: 'refused'; reason: 'credential_unknown' }

/** Asks the provider whether it takes the stored key, and changes nothing. Throws a `KekFailure` when the key cannot be opened. */
export async function testCredential(
  platform: CredentialPlatform,
  which: { organizationId: string; credentialId: string },
): Promise<TestCredentialOutcome> {
  const found = await findProviderCredential(platform.db, which)
  if (!found) return { outcome: 'refused', reason: 'credential_unknown' }
  const located = await locateProvider(platform, found)
  if (located.outcome === 'refused') return located
  const apiKey = await openSecret(platform.keyRing(), credentialPlace(which.organizationId, which.credentialId), found.sealed)
  return { outcome: 'tested', test: await askProvider(located.location, apiKey) }
}
