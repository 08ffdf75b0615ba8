import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/**
 * scrypt (RFC 7914), the one memory-hard function that the platform runs natively. 16 MiB and five passes cost an attacker what OWASP asks for, and leave an
 * isolate of 128 MB room for several at once.
 */
const cost = { N: 2 ** 14, r: 8, p: 5 } satisfies ScryptOptions
const saltBytes = 16
const keyBytes = 32

/** `scrypt$N$r$p$salt$key`, so that the cost can rise and older hashes still be read. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const key = await derive(password, salt, cost)
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Whether a password is the one of this hash. Without a hash it takes as long and is false, so that time does not tell who has an account. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const [scheme, n, r, p, salt = '', stored = ''] = (hash ?? nobody).split('$')
  if (scheme !== 'scrypt') throw new Error('a password hash of an unknown scheme')
  const expected = Buffer.from(stored, 'base64url')
  const key = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(n), r: Number(r), p: Number(p) })
  return expected.length === key.length && timingSafeEqual(expected, key) && hash !== null
}

const nobody = ['scrypt', cost.N, cost.r, cost.p, 'AAAAAAAAAAAAAAAAAAAAAA', 'A'.repeat(43)].join('$')

/** The same text typed on two keyboards may be composed of other characters: NFKC makes them one (NIST SP 800-63B). */
function derive(password: string, salt: Uint8Array, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, keyBytes, { ...options, maxmem: 64 * 1024 * 1024 }, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}
