import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import { assert } from '#shared/values/assert.ts'
import { encodeBase64url } from './base64url.ts'
import { bindingOf, encrypt } from './cipher.ts'
import type { KeyRing } from './key-ring.ts'

/**
 * Seals a secret under a data encryption key of its own, so that it opens at this place and in this version only. A secret that replaces another
 * takes the next version. Throws a `KekFailure`.
 */
export async function sealSecret(ring: KeyRing, place: SecretPlace, plaintext: string, version = 1): Promise<SealedSecret> {
  assert(plaintext !== '', 'there is a secret to seal')
  const context = { ...place, version }
  const { dek, wrapped } = await ring.current.generate(context)
  try {
    const sealed = await encrypt(dek, bindingOf('relay.secret', context), new TextEncoder().encode(plaintext))
    return { version, ...wrapped, sealed: encodeBase64url(sealed) }
  } finally {
    dek.fill(0)
  }
}
