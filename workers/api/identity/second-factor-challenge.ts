import { z } from 'zod'
import { encodeBase64url } from '#workers/services/secrets/base64url.ts'
import type { Surroundings } from '../env.ts'
import { challengeSeconds } from '../limits.ts'
import { signToken, verifyToken } from '../signing/signed-token.ts'
import { askRedis } from './ask-redis.ts'
import type { Identified } from './open-session.ts'

/** Keeps a challenge from being taken for an access token, and the reverse: both are signed by the same keys. */
const type = 'second-factor+jwt'

type Signing = Pick<Surroundings, 'db' | 'transact' | 'keyRing'>

const Claims = z.object({ sub: z.string(), amr: z.enum(['password', 'passkey', 'github', 'google']), jti: z.string() })

/** Who has shown the first factor, by which means, under an id of its own. */
export type Challenge = Pick<Identified, 'userId' | 'method'> & { challengeId: string }

/** A token that says for five minutes that the first factor of somebody was right. It signs nobody in by itself. */
export function signChallenge(surroundings: Signing, { userId, method }: Pick<Identified, 'userId' | 'method'>): Promise<string> {
  const jti = encodeBase64url(crypto.getRandomValues(new Uint8Array(16)))
  return signToken(surroundings, type, { sub: userId, amr: method, jti }, challengeSeconds)
}

/** What a challenge says; null when we did not sign it, or its time is over. Throws when the signing keys are out of reach. */
export async function verifyChallenge(surroundings: Signing, token: string): Promise<Challenge | null> {
  const claims = await verifyToken(surroundings, type, token)
  if (!claims) return null
  const { sub, amr, jti } = Claims.parse(claims)
  return { userId: sub, method: amr, challengeId: jti }
}

/** Spends a challenge before its code is looked at; false when it is spent. Throws 503 without Redis, and nothing is spent. */
export async function spendChallenge(redis: Surroundings['redis'], challengeId: string): Promise<boolean> {
  const reply = await askRedis(redis, (client) => client.set(placeOf(challengeId), 'spent', { nx: true, ex: challengeSeconds }))
  return reply !== null
}

/** Gives a challenge back whose code was wrong, for another try. */
export async function returnChallenge(redis: Surroundings['redis'], challengeId: string): Promise<void> {
  await askRedis(redis, (client) => client.del(placeOf(challengeId)))
}

function placeOf(challengeId: string): string {
  return `challenge:${challengeId}`
}
