import { noteSessionSeen } from '#db/queries/accounts/change-session.ts'
import { readLivingSession } from '#db/queries/accounts/read-session.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { Platform } from '#workers/services/platform.ts'
import { signAccessToken } from '../caller/access-token.ts'
import type { Surroundings } from '../env.ts'
import { endSession } from './end-session.ts'
import { rotateToken, sessionOfToken } from './refresh-tokens.ts'

export type RefreshOutcome =
  | { outcome: 'refreshed'; userId: string; sessionId: string; expiresAt: Date; access: string; refresh: string }
  /** No living session is refreshed by the token; when it was reused, its session has ended by that. */
  | { outcome: 'refused'; reason: 'ended' | 'reused' }

/** Spends a refresh token for other tokens of its session. Throws 503 without Redis, and changes nothing. */
export async function refreshSession(surroundings: Surroundings, platform: Platform, token: string): Promise<RefreshOutcome> {
  const sessionId = sessionOfToken(token)
  const session = sessionId === null ? null : await readLivingSession(surroundings.db, sessionId)
  if (sessionId === null || !session) return { outcome: 'refused', reason: 'ended' }
  // Before the token is spent: what fails here must leave it good.
  const access = await signAccessToken(surroundings, sessionId)
  const rotation = await rotateToken(surroundings.redis, token, Date.now())
  const { userId, expiresAt } = session
  if (rotation.outcome === 'rotated') {
    // The token is spent: whatever happens now, its successor has to be answered.
    const seen = noteSessionSeen(surroundings.db, sessionId, platform.actor.ip ?? '')
    await seen.catch((error: unknown) => logFailure('session_not_noted', error, { sessionId }))
    return { outcome: 'refreshed', userId, sessionId, expiresAt, access, refresh: rotation.token }
  }
  if (rotation.outcome === 'unknown') return { outcome: 'refused', reason: 'ended' }
  await endSession(surroundings, platform, { userId, sessionId }, 'session.reuse_detected')
  return { outcome: 'refused', reason: 'reused' }
}
