import type { Context } from 'hono'
import { signInOperations } from '#shared/contracts/api/sign-in.ts'
import { Problem, problemResponse } from '#workers/edge/problem.ts'
import { clientIpOf } from '../call-platform.ts'
import { refuseCrossSite } from '../caller/authenticate.ts'
import { clearSessionCookies, readAccessCookie, readRefreshCookie, setSessionCookies } from '../caller/cookies.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiContext } from '../env.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { findByPassword } from '../identity/find-by-password.ts'
import { passFirstFactor } from '../identity/pass-first-factor.ts'
import { passSecondFactor } from '../identity/pass-second-factor.ts'
import { refreshSession } from '../identity/refresh-session.ts'
import { signOut } from '../identity/sign-out.ts'

export const signInEndpoints = [
  endpoint(signInOperations.signIn, async ({ c, surroundings, body }) => {
    refuseOtherOrigin(c)
    await limitAttempts(surroundings.redis, 'sign_in', { ip: clientIpOf(c), account: body.email })
    const found = await findByPassword(surroundings.db, body)
    if (!found) throw new Problem('sign_in_failed', 'The address or the password is wrong.')
    if (!found.isEmailVerified) throw new Problem('email_unverified', 'Open the link that was mailed to this address first.')
    return passFirstFactor(c, { userId: found.userId, method: 'password' })
  }),
  endpoint(signInOperations.secondFactor, async ({ c, body: { challenge, ...proof } }) => {
    refuseOtherOrigin(c)
    return passSecondFactor(c, challenge, proof)
  }),
  endpoint(signInOperations.refresh, async ({ c, surroundings, platform }) => {
    refuseCrossSite(c)
    const token = readRefreshCookie(c)
    if (token === null) return signedOut(c, 'There is no session to refresh. Sign in.')
    const refreshed = await refreshSession(surroundings, platform, token)
    if (refreshed.outcome === 'refused')
      return signedOut(
        c,
        refreshed.reason === 'reused' ? 'The session was ended for safety. Sign in again.' : 'The session has ended. Sign in.',
      )
    const { userId, sessionId, expiresAt } = refreshed
    const refreshSeconds = Math.max(1, Math.floor((expiresAt.getTime() - Date.now()) / 1_000))
    setSessionCookies(c, { ...refreshed, refreshSeconds })
    return { userId, sessionId, expiresAt: expiresAt.toISOString() }
  }),
  endpoint(signInOperations.signOut, async ({ c, surroundings, platform }) => {
    refuseCrossSite(c)
    await signOut(surroundings, platform, { access: readAccessCookie(c), refresh: readRefreshCookie(c) })
    clearSessionCookies(c)
  }),
]

/** Another site's page could sign its visitor in as somebody else. A client that is no browser says no origin, and has nobody to deceive. */
function refuseOtherOrigin(c: Context<ApiContext>): void {
  if (c.req.header('origin') !== undefined || c.req.header('sec-fetch-site') !== undefined) refuseCrossSite(c)
}

/** A 401 that takes the cookies away: a problem that is thrown would go without them. */
function signedOut(c: Context<ApiContext>, detail: string): Response {
  clearSessionCookies(c)
  const problem = new Problem('unauthenticated', detail)
  const { body, headers } = problemResponse(problem, c.var.requestId)
  return c.newResponse(body, { status: problem.status, headers })
}
