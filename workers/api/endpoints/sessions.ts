import { sessionOperations } from '#shared/contracts/api/sessions.ts'
import { Problem } from '#workers/edge/problem.ts'
import { clientIpOf } from '../call-platform.ts'
import { clearSessionCookies } from '../caller/cookies.ts'
import { endpoint } from '../endpoint.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { endSession } from '../identity/end-session.ts'
import { endOtherSessions, endSessionsOfMember } from '../identity/end-sessions.ts'
import { listSessions } from '../identity/list-sessions.ts'
import { reauthenticate } from '../identity/reauthenticate.ts'

export const sessionEndpoints = [
  endpoint(sessionOperations.reauthenticate, async ({ c, surroundings, platform, caller, body }) => {
    const [attempt, account] = 'code' in body ? (['second_factor', caller.userId] as const) : (['sign_in', caller.email] as const)
    await limitAttempts(surroundings.redis, attempt, { ip: clientIpOf(c), account })
    const isShown = await reauthenticate(surroundings, platform, caller, body)
    if (!isShown) throw new Problem('sign_in_failed', 'What was shown is wrong, or was used before.')
  }),
  endpoint(sessionOperations.list, async ({ surroundings, caller, query }) => {
    const { sessions, next } = await listSessions(surroundings.db, caller.userId, query)
    const data = sessions.map((row) => ({
      ...row,
      sessionId: row.id,
      current: row.id === caller.sessionId,
      createdAt: row.createdAt.toISOString(),
      lastSeenAt: row.lastSeenAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
    }))
    return { data, next }
  }),
  endpoint(sessionOperations.end, async ({ c, surroundings, platform, caller: { userId, sessionId: own }, params: { sessionId } }) => {
    const hasEnded = await endSession(surroundings, platform, { userId, sessionId }, 'session.ended')
    if (!hasEnded) throw new Problem('not_found', 'There is no such session, or it has ended.')
    if (sessionId === own) clearSessionCookies(c)
  }),
  endpoint(sessionOperations.endOthers, ({ platform, caller }) => endOtherSessions(platform, caller)),
  endpoint(sessionOperations.endOfMember, async ({ platform, scope, params: { userId } }) => {
    const outcome = await endSessionsOfMember(platform, scope, userId)
    if (outcome === 'unknown') throw new Problem('not_found', 'There is no such member.')
    if (outcome === 'not_above') throw new Problem('access_denied', 'Only sessions of members below oneself can be ended.')
  }),
]
