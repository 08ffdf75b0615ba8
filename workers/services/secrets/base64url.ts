/** Bytes as base64url without padding (RFC 4648, section 5). */
export function encodeBase64url(bytes: Uint8Array): string {
  return btoa(binaryText(bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The bytes of a text that encodeBase64url could have written; null for any other, so that no two texts mean the same bytes. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  const bytes = decodeBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
  return bytes && encodeBase64url(bytes) === text ? bytes : null
}

/** The bytes of ordinary base64, as settings and KMS write it; null when the text is none. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return null
  }
}

export function encodeBase64(bytes: Uint8Array): string {
  return btoa(binaryText(bytes))
}

function binaryText(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}
