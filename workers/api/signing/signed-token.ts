import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Surroundings } from '../env.ts'
import { signingKeyOf, signingKeys } from './signing-keys.ts'

const issuer = 'rocket-relay'

type Signing = Pick<Surroundings, 'db' | 'transact' | 'keyRing'>

/** A token of ours (JWT, HS256), good for `seconds`, which may not be more than a retired key verifies. `type` keeps tokens for one end from serving another. */
export async function signToken(surroundings: Signing, type: string, claims: JWTPayload, seconds: number): Promise<string> {
  const [{ id, key }] = await signingKeys(surroundings, 'access')
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid: id, typ: type })
    .setIssuer(issuer)
    .setIssuedAt()
    .setExpirationTime(`${seconds}s`)
    .sign(key)
}

/** The claims of a token; null when we did not sign it as one of this type, or its time is over. Throws when the signing keys are out of reach. */
export async function verifyToken(surroundings: Signing, type: string, token: string): Promise<JWTPayload | null> {
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const found = await signingKeyOf(surroundings, 'access', kid ?? '')
        if (!found) throw new errors.JWSSignatureVerificationFailed()
        return found.key
      },
      { issuer, algorithms: ['HS256'], typ: type, requiredClaims: ['exp', 'iat'] },
    )
    return payload
  } catch (error) {
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}
