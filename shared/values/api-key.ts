import { sha256Hex } from './sha256.ts'

/**
 * A key reads `rrk_` + 43 base62 digits (256 random bits) + 6 base62 digits (CRC-32 of all that stands before). A management key, which calls no model,
 * begins with `rrm_`. The prefix lets secret scanners find a leaked key; the checksum lets the edge refuse a mistyped one without a look-up.
 */
export type KeyPrefix = 'rrk_' | 'rrm_'
const prefixLength = 4
const secretLength = 43
const checksumLength = 6
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const secret = new RegExp(`^[0-9A-Za-z]{${secretLength + checksumLength}}$`)

/** Makes a new key from 256 random bits. It is shown once; only its hash is stored. */
export function generateApiKey(prefix: KeyPrefix = 'rrk_'): string {
  let value = 0n
  for (const byte of crypto.getRandomValues(new Uint8Array(32))) value = (value << 8n) | BigInt(byte)
  const body = prefix + toBase62(value, secretLength)
  return body + checksum(body)
}

/** Whether a text has the form and the checksum of a key. Says nothing about whether the key exists. */
export function isWellFormedApiKey(text: string, prefix: KeyPrefix = 'rrk_'): boolean {
  return (
    text.startsWith(prefix) &&
    secret.test(text.slice(prefixLength)) &&
    text.slice(-checksumLength) === checksum(text.slice(0, -checksumLength))
  )
}

/** SHA-256 of the whole key in lower-case hex: the only form in which a key is stored or compared. */
export function hashApiKey(apiKey: string): Promise<string> {
  return sha256Hex(new TextEncoder().encode(apiKey))
}

/** What may be shown of a key after its creation: the prefix, four digits, and the last four. */
export function redactApiKey(apiKey: string): string {
  return `${apiKey.slice(0, prefixLength + 4)}…${apiKey.slice(-4)}`
}

function checksum(body: string): string {
  return toBase62(BigInt(crc32(body)), checksumLength)
}

function toBase62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value, digit = 0; digit < length; digit++) {
    text = base62.charAt(Number(rest % 62n)) + text
    rest /= 62n
  }
  return text
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/** CRC-32 as in ISO 3309 and zlib, of a text of ASCII characters. */
function crc32(text: string): number {
  let value = 0xffffffff
  for (let index = 0; index < text.length; index++) {
    value = (value >>> 8) ^ (crcTable[(value ^ text.charCodeAt(index)) & 0xff] ?? 0)
  }
  return (value ^ 0xffffffff) >>> 0
}
