import type { Surroundings } from '../env.ts'
import { accessSeconds } from '../limits.ts'
import { signToken, verifyToken } from '../signing/signed-token.ts'

const type = 'at+jwt'

type Signing = Pick<Surroundings, 'db' | 'transact' | 'keyRing'>

/** A token that names a session for ten minutes. It grants nothing by itself: each request asks Postgres what the session is worth. */
export function signAccessToken(surroundings: Signing, sessionId: string): Promise<string> {
  return signToken(surroundings, type, { sid: sessionId }, accessSeconds)
}

/** The session that a token names; null when we did not sign it, or its time is over. Throws when the signing keys are out of reach. */
export async function verifyAccessToken(surroundings: Signing, token: string): Promise<string | null> {
  const claims = await verifyToken(surroundings, type, token)
  return typeof claims?.sid === 'string' ? claims.sid : null
}
