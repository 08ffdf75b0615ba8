import type { SecretContext } from './key-ring.ts'

const nonceBytes = 12

/** AES-256-GCM under a fresh 96-bit nonce: the nonce, the ciphertext and its 128-bit tag. */
export async function encrypt(key: Uint8Array, boundTo: Uint8Array, plaintext: Uint8Array) {
  const iv = crypto.getRandomValues(new Uint8Array(nonceBytes))
  const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt'])
  const ciphertext = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: boundTo }, imported, plaintext)
  const encrypted = new Uint8Array(nonceBytes + ciphertext.byteLength)
  encrypted.set(iv)
  encrypted.set(new Uint8Array(ciphertext), nonceBytes)
  return encrypted
}

/** What `encrypt` was given; null when key, bytes or what they are bound to differ in the least. */
export async function decrypt(key: Uint8Array, boundTo: Uint8Array, encrypted: Uint8Array) {
  const iv = encrypted.subarray(0, nonceBytes)
  const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt'])
  const algorithm = { name: 'AES-GCM', iv, additionalData: boundTo }
  // WebCrypto tells every reason by one error, and there is but one that can come here.
  const plaintext = await crypto.subtle.decrypt(algorithm, imported, encrypted.subarray(nonceBytes)).catch(() => null)
  return plaintext && new Uint8Array(plaintext)
}

/** Additional data: what is encrypted, and where it belongs. JSON keeps fields apart, and null from a text that says so. */
export function bindingOf(domain: 'relay.secret' | 'relay.dek', context: SecretContext, ...more: string[]): Uint8Array {
  const { organizationId, table, row, purpose, version } = context
  return new TextEncoder().encode(JSON.stringify([domain, organizationId, table, row, purpose, version, ...more]))
}
