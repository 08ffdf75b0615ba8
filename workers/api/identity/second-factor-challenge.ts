import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { encodeBase64url } from '#workers/services/secrets/base64url.ts'
import type { Surroundings } from '../env.ts'
import { challengeSeconds } from '../limits.ts'
import { signingKeyOf, signingKeys } from '../signing/signing-keys.ts'
import { askRedis } from './ask-redis.ts'
import type { Identified } from './open-session.ts'

const issuer = 'rocket-relay'
/** Keeps a challenge from being taken for an access token, and the reverse: both are signed by the same keys. */
const typ = 'second-factor+jwt'

type Signing = Pick<Surroundings, 'db' | 'transact' | 'keyRing'>

const Claims = z.object({ sub: z.string(), amr: z.enum(['password', 'passkey', 'github', 'google']), jti: z.string() })

/** Who has shown the first factor, by which means, under an id of its own. */
export type Challenge = Pick<Identified, 'userId' | 'method'> & { challengeId: string }

/** A token (JWT, HS256) that says for five minutes that the first factor of somebody was right. It signs nobody in by itself. */
export async function signChallenge(surroundings: Signing, { userId, method }: Pick<Identified, 'userId' | 'method'>): Promise<string> {
  const [{ id, key }] = await signingKeys(surroundings, 'access')
  return new SignJWT({ amr: method })
    .setProtectedHeader({ alg: 'HS256', kid: id, typ })
    .setIssuer(issuer)
    .setSubject(userId)
    .setJti(encodeBase64url(crypto.getRandomValues(new Uint8Array(16))))
    .setIssuedAt()
    .setExpirationTime(`${challengeSeconds}s`)
    .sign(key)
}

/** What a challenge says; null when we did not sign it, or its time is over. Throws when the signing keys are out of reach. */
export async function verifyChallenge(surroundings: Signing, token: string): Promise<Challenge | null> {
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const found = await signingKeyOf(surroundings, 'access', kid ?? '')
        if (!found) throw new errors.JWSSignatureVerificationFailed()
        return found.key
      },
      { issuer, algorithms: ['HS256'], typ, requiredClaims: ['exp', 'iat'] },
    )
    const { sub, amr, jti } = Claims.parse(payload)
    return { userId: sub, method: amr, challengeId: jti }
  } catch (error) {
    if (error instanceof errors.JOSEError) return null
    throw error
  }
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
