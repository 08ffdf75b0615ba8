import { readLivingSession } from '#db/queries/accounts/read-session.ts'
import type { Platform } from '#workers/services/platform.ts'
import { verifyAccessToken } from '../caller/access-token.ts'
import type { Surroundings } from '../env.ts'
import { endSession } from './end-session.ts'
import { rotateToken, sessionOfToken } from './refresh-tokens.ts'

/** Ends the session that either token is of, if it still lives. A refresh token is spent for it: its text names a session, and only Redis knows it. */
export async function signOut(
  surroundings: Surroundings,
  platform: Platform,
  { access, refresh }: { access: string | null; refresh: string | null },
): Promise<void> {
  const named = access === null ? null : await verifyAccessToken(surroundings, access)
  const sessionId = named ?? (refresh === null ? null : await proveRefreshToken(surroundings, refresh))
  const session = sessionId === null ? null : await readLivingSession(surroundings.db, sessionId)
  if (sessionId === null || !session) return
  const { userId } = session
  const actor = { ...platform.actor, id: userId }
  await endSession(surroundings, { ...platform, actor }, { userId, sessionId }, 'session.signed_out')
}

/** The session of a token that is or was one of its family; null for any other text. */
async function proveRefreshToken({ redis }: Surroundings, token: string): Promise<string | null> {
  const { outcome } = await rotateToken(redis, token, Date.now())
  return outcome === 'unknown' ? null : sessionOfToken(token)
}
