import { parameters } from '#shared/contracts/api/parameters.ts'
import { sha256Hex } from '#shared/values/sha256.ts'
import { Problem } from '#workers/edge/problem.ts'
import { decodeBase64url, encodeBase64url } from '#workers/services/secrets/base64url.ts'
import { decrypt, encrypt } from '#workers/services/secrets/cipher.ts'
import type { Surroundings } from '../env.ts'
import { successorMs } from '../limits.ts'
import { askRedis } from './ask-redis.ts'

type RedisSettings = Surroundings['redis']

export type Rotation =
  /** `token` is the only one that works from now on. */
  | { outcome: 'rotated'; token: string }
  /** Neither the newest token of its family nor the one just spent. No token of that family works any more, and each is told so again. */
  | { outcome: 'reused' }
  | { outcome: 'unknown' }

/** The first refresh token of a session, whose family ends with the session. Redis knows the SHA-256 of a token only. Throws 503 without Redis. */
export async function startFamily(redis: RedisSettings, sessionId: string, expiresAtMs: number): Promise<string> {
  const token = newToken(sessionId)
  const hash = await hashOf(token)
  await askRedis(redis, (client) => client.eval(start, [familyOf(sessionId)], [hash, expiresAtMs]))
  return token
}

/**
 * Spends a token and gives its successor, in one step for all who try at once. For ten seconds it gives the same successor again, which Redis keeps sealed
 * under the spent token, so that only who holds that one can read it. Throws 503 without Redis, and the token is as good as before.
 */
export async function rotateToken(redis: RedisSettings, token: string, nowMs: number): Promise<Rotation> {
  const sessionId = sessionOfToken(token)
  if (sessionId === null) return { outcome: 'unknown' }
  const successor = newToken(sessionId)
  const [hash, successorHash, sealed] = [await hashOf(token), await hashOf(successor), await sealUnder(token, successor)]
  const given = [hash, successorHash, sealed, nowMs, successorMs]
  const reply = await askRedis(redis, (client) => client.createScript<string>(rotate).exec([familyOf(sessionId)], given.map(String)))
  if (reply === 'reused' || reply === 'unknown') return { outcome: reply }
  const opened = await openUnder(token, reply)
  return opened === null ? { outcome: 'unknown' } : { outcome: 'rotated', token: opened }
}

/** Forgets the tokens of a session that has ended. Without Redis they lie there until they expire, and are refused for their session. */
export async function endFamily(redis: RedisSettings, sessionId: string): Promise<void> {
  await askRedis(redis, (client) => client.del(familyOf(sessionId))).catch((error: unknown) => {
    if (!(error instanceof Problem)) throw error
  })
}

/** The session that a token says it is of; null for any other text. */
export function sessionOfToken(token: string): string | null {
  const sessionId = /^rrt_(ses_[0-9a-z]{26})\.[A-Za-z0-9_-]{43}$/.exec(token)?.[1]
  return parameters.sessionId.safeParse(sessionId).data ?? null
}

/** A hash of `current`, and once rotated `previous`, `rotated_at` and `sealed`. */
const start = `
redis.call('HSET', KEYS[1], 'current', ARGV[1])
return redis.call('PEXPIREAT', KEYS[1], ARGV[2])`

const rotate = `
local hash, successor, sealed, now, window = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local family = redis.call('HMGET', KEYS[1], 'current', 'previous', 'rotated_at', 'sealed')
if not family[1] then return 'unknown' end
if family[1] == hash then
  redis.call('HSET', KEYS[1], 'current', successor, 'previous', hash, 'rotated_at', ARGV[4], 'sealed', sealed)
  return sealed
end
if family[2] == hash and now - tonumber(family[3]) <= window then return family[4] end
redis.call('HSET', KEYS[1], 'current', 'reused')
redis.call('HDEL', KEYS[1], 'previous', 'rotated_at', 'sealed')
return 'reused'`

function familyOf(sessionId: string): string {
  return `refresh:${sessionId}`
}

function newToken(sessionId: string): string {
  return `rrt_${sessionId}.${encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))}`
}

function hashOf(token: string): Promise<string> {
  return sha256Hex(new TextEncoder().encode(token))
}

async function sealUnder(token: string, successor: string): Promise<string> {
  return encodeBase64url(await encrypt(await keyUnder(token), binding, new TextEncoder().encode(successor)))
}

async function openUnder(token: string, sealed: string): Promise<string | null> {
  const encrypted = decodeBase64url(sealed)
  const plaintext = encrypted && (await decrypt(await keyUnder(token), binding, encrypted))
  return plaintext && new TextDecoder().decode(plaintext)
}

const binding = new TextEncoder().encode('relay.refresh.successor')

/** HKDF (RFC 5869) of a token, which is random enough to need no salt. What is derived tells nothing of its stored SHA-256. */
async function keyUnder(token: string): Promise<Uint8Array> {
  const material = await crypto.subtle.importKey('raw', new TextEncoder().encode(token), 'HKDF', false, ['deriveBits'])
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: binding }
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, material, 256))
}
