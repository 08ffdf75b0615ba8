const crockford = '0123456789abcdefghjkmnpqrstvwxyz'

/** What an id names; the prefix makes an id recognisable in a log and refuses a key where an organization belongs. */
export type IdPrefix =
  | 'org'
  | 'key'
  | 'req'
  | 'usr'
  | 'rte'
  | 'prc'
  | 'crd'
  | 'byk'
  | 'ses'
  | 'mgk'
  | 'inv'
  | 'pky'
  | 'mtk'
  | 'sgk'
  | 'alr'
  | 'top'
  | 'grn'
  | 'whe'
  | 'dlv'

/**
 * A new id such as `req_01jd7m3v9c4t8k2n5q6r7s8w9x`: a ULID (48 bits of time, 80 random bits) in lower-case Crockford base32,
 * so that ids made later sort later and an index grows at its end.
 */
export function newId(prefix: IdPrefix, nowMs: number = Date.now()): string {
  let time = ''
  for (let rest = nowMs, digit = 0; digit < 10; digit++) {
    time = crockford.charAt(rest % 32) + time
    rest = Math.floor(rest / 32)
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  let random = ''
  for (const byte of bytes) random += crockford.charAt(byte & 31)
  return `${prefix}_${time}${random}`
}

/** The moment in an id of this kind, in milliseconds; null when the text is no such id. */
export function timeOfId(prefix: IdPrefix, text: string): number | null {
  const match = idShape.exec(text)
  if (match?.[1] !== prefix) return null
  let timeMs = 0
  for (const digit of match[2] ?? '') timeMs = timeMs * 32 + crockford.indexOf(digit)
  return timeMs
}

/** Ten digits hold two bits more than the time has. */
const idShape = new RegExp(`^([a-z]{3})_([0-7][${crockford}]{9})[${crockford}]{16}$`)
