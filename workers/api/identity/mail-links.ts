import { encodeBase64url } from '#workers/services/secrets/base64url.ts'
import type { Surroundings } from '../env.ts'
import { signingKeyOf, signingKeys } from '../signing/signing-keys.ts'

type Signing = Pick<Surroundings, 'db' | 'transact' | 'keyRing'>

/**
 * The secret of a link in a mail: the id of a row in `mail_tokens` or `invitations`, the key that signs, and the HMAC of both. Made anew whenever a mail is
 * written, always the same, and stored nowhere.
 */
export async function signMailLink(surroundings: Signing, id: string): Promise<string> {
  const [{ id: keyId, key }] = await signingKeys(surroundings, 'mail')
  return `${id}.${keyId}.${encodeBase64url(await macOf(key, id, keyId))}`
}

/** The id in a link's secret that we signed; null for any other text. Whether the row can still be used is for who reads it. */
export async function verifyMailLink(surroundings: Signing, secret: string): Promise<string | null> {
  const [id = '', keyId = '', mac = '', ...rest] = secret.split('.')
  if (rest.length > 0) return null
  const found = await signingKeyOf(surroundings, 'mail', keyId)
  if (!found) return null
  const expected = encodeBase64url(await macOf(found.key, id, keyId))
  return isSame(mac, expected) ? id : null
}

async function macOf(key: Uint8Array<ArrayBuffer>, id: string, keyId: string): Promise<Uint8Array> {
  const hmac = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', hmac, new TextEncoder().encode(`mail ${keyId} ${id}`)))
}

/** In a time that does not tell how much is right. */
function isSame(given: string, expected: string): boolean {
  if (given.length !== expected.length) return false
  let difference = 0
  for (let index = 0; index < expected.length; index++) difference |= given.charCodeAt(index) ^ expected.charCodeAt(index)
  return difference === 0
}
