import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import { decodeBase64url } from './base64url.ts'
import { bindingOf, decrypt } from './cipher.ts'
import { KekFailure, type KeyRing, providerOf } from './key-ring.ts'

/**
 * The secret in clear. Throws a `KekFailure`: `unreadable` when anything of its stored form was altered, when it belongs elsewhere, or when no
 * key opens it; `unavailable` when that cannot be told now.
 */
export async function openSecret(ring: KeyRing, place: SecretPlace, stored: SealedSecret): Promise<string> {
  const { version, sealed, ...wrapped } = stored
  const context = { ...place, version }
  const encrypted = decodeBase64url(sealed)
  if (!encrypted) throw new KekFailure('unreadable', 'The sealed secret is not base64url.')
  const dek = await providerOf(ring, wrapped.kek).unwrap(wrapped, context)
  try {
    const plaintext = await decrypt(dek, bindingOf('relay.secret', context), encrypted)
    if (!plaintext) throw new KekFailure('unreadable', 'The sealed secret was altered, or belongs elsewhere.')
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext)
  } finally {
    dek.fill(0)
  }
}
