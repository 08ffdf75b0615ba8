import { errors, jwtVerify, SignJWT } from 'jose'
import type { Surroundings } from '../env.ts'
import { accessSeconds } from '../limits.ts'
import { signingKeyOf, signingKeys } from '../signing/signing-keys.ts'

const issuer = 'rocket-relay'

type Signing = Pick<Surroundings, 'db' | 'transact' | 'keyRing'>

/** A token (JWT, HS256) that names a session for ten minutes. It grants nothing by itself: each request asks Postgres what the session is worth. */
export async function signAccessToken(surroundings: Signing, sessionId: string): Promise<string> {
  const [{ id, key }] = await signingKeys(surroundings, 'access')
  return new SignJWT({ sid: sessionId })
    .setProtectedHeader({ alg: 'HS256', kid: id, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setIssuedAt()
    .setExpirationTime(`${accessSeconds}s`)
    .sign(key)
}

/** The session that a token names; null when we did not sign it, or its time is over. Throws when the signing keys are out of reach. */
export async function verifyAccessToken(surroundings: Signing, token: string): Promise<string | null> {
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const found = await signingKeyOf(surroundings, 'access', kid ?? '')
        if (!found) throw new errors.JWSSignatureVerificationFailed()
        return found.key
      },
      { issuer, algorithms: ['HS256'], typ: 'at+jwt', requiredClaims: ['exp', 'iat', 'sid'] },
    )
    return typeof payload.sid === 'string' ? payload.sid : null
  } catch (error) {
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}
