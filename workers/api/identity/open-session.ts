import type { Context } from 'hono'
import { insertSession } from '#db/queries/accounts/insert-session.ts'
import type { SignedIn } from '#shared/contracts/api/sign-in.ts'
import { newId } from '#shared/values/id.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { callPlatform } from '../call-platform.ts'
import { signAccessToken } from '../caller/access-token.ts'
import { setSessionCookies } from '../caller/cookies.ts'
import type { ApiContext } from '../env.ts'
import { sessionMs } from '../limits.ts'
import { startFamily } from './refresh-tokens.ts'

export interface Identified {
  userId: string
  method: 'password' | 'passkey' | 'github' | 'google'
  /** Whether a second factor was shown too. */
  secondFactor: boolean
}

/**
 * Signs in somebody who has shown who they are: a session, its cookies, an entry in their audit log. Throws 503 without Redis; nothing was opened then.
 * Without Postgres a family of refresh tokens is left behind, which is worth nothing without its session.
 */
export async function openSession(c: Context<ApiContext>, { userId, method, secondFactor }: Identified): Promise<SignedIn> {
  const { surroundings } = c.var
  const sessionId = newId('ses')
  const expiresAt = new Date(Date.now() + sessionMs)
  const { actor } = callPlatform(c, null)
  const access = await signAccessToken(surroundings, sessionId)
  const refresh = await startFamily(surroundings.redis, sessionId, expiresAt.getTime())
  const seen = { ip: actor.ip ?? '', userAgent: (c.req.header('user-agent') ?? '').slice(0, longestUserAgent) }
  await surroundings.transact(async (tx) => {
    await insertSession(tx, { id: sessionId, userId, method, secondFactor, ...seen, expiresAt })
    await recordChange(
      tx,
      { ...actor, id: userId },
      {
        chain: { userId },
        action: 'session.opened',
        target: { type: 'session', id: sessionId },
        after: { method, secondFactor },
      },
    )
  })
  setSessionCookies(c, { access, refresh, refreshSeconds: Math.floor(sessionMs / 1_000) })
  return { outcome: 'signed_in', userId, sessionId }
}

/** Characters of what a browser says it is, by which people know it in the list of their sessions. */
const longestUserAgent = 300
