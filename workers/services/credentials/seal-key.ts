import { credentialPlace } from '#shared/contracts/provider-credential.ts'
import type { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import { sealSecret } from '../secrets/seal.ts'

/** A key as it is stored: sealed for one credential, and the end by which its owner knows it. Throws a `KekFailure`. */
export async function sealKey(
  ring: KeyRing,
  { organizationId, credentialId }: { organizationId: string; credentialId: string },
  apiKey: string,
  version = 1,
): Promise<{ lastFour: string; sealed: SealedSecret }> {
  const sealed = await sealSecret(ring, credentialPlace(organizationId, credentialId), apiKey, version)
  return { lastFour: apiKey.slice(-shownLength(apiKey)), sealed }
}

/** Never more than a quarter of a key is shown. A key has at least eight characters. */
function shownLength(apiKey: string): number {
  return Math.min(4, Math.floor(apiKey.length / 4))
}
