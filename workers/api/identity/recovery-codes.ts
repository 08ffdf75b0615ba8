import { sha256Hex } from '#shared/values/sha256.ts'

const digits = '0123456789abcdefghjkmnpqrstvwxyz'
const howMany = 10
const characters = 16

export interface NewRecoveryCodes {
  /** To be shown once. */
  codes: string[]
  /** To be stored. */
  hashes: string[]
}

/** Ten codes of 80 random bits each: too many to be guessed, so that SHA-256 hides them well enough. */
export async function newRecoveryCodes(): Promise<NewRecoveryCodes> {
  const codes = Array.from({ length: howMany }, newCode)
  return { codes, hashes: await Promise.all(codes.map(hashOfRecoveryCode)) }
}

/** The hash of a code however it was typed: Crockford's base32 has no i, l and o, and reads them as digits. */
export function hashOfRecoveryCode(typed: string): Promise<string> {
  const code = typed.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1')
  return sha256Hex(new TextEncoder().encode(code))
}

/** `xxxx-xxxx-xxxx-xxxx` */
function newCode(): string {
  const random = crypto.getRandomValues(new Uint8Array(characters))
  const code = Array.from(random, (byte) => digits.charAt(byte & 31)).join('')
  return code.replace(/....(?!$)/g, '$&-')
}
