import type { MiddlewareHandler } from 'hono'
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { Problem } from '#workers/edge/problem.ts'
import type { AdminContext } from './env.ts'
import { accessKeysTimeoutMs, clockToleranceSeconds } from './limits.ts'

/** Who acts: a person signed in to Access has an e-mail address, a service token only the name of its client. */
const Actor = z.object({ email: z.string().min(1).optional(), common_name: z.string().min(1).optional() })

/**
 * Lets a request pass only with a token that Cloudflare Access signed for this application, and sets `actor` from it. Access already
 * stands before the Worker; checking again keeps it shut should a route ever bypass Access. There is no header to switch this off.
 */
export function access(): MiddlewareHandler<AdminContext> {
  return async (c, next) => {
    const token = c.req.header('cf-access-jwt-assertion')
    if (!token) throw new Problem('access_denied', 'This API is reached through Cloudflare Access only.')
    const { teamUrl, audience } = c.var.surroundings.access
    c.set('actor', await verifiedActor(token, teamUrl, audience))
    await next()
  }
}

async function verifiedActor(token: string, teamUrl: string, audience: string): Promise<string> {
  // RS256 is the one algorithm Access signs with; a token cannot choose another.
  const options = {
    issuer: teamUrl,
    audience,
    algorithms: ['RS256'],
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ['exp', 'iat'],
  }
  const claims = await jwtVerify(token, signingKeys(teamUrl), options).then((result) => result.payload, refuse)
  const actor = Actor.safeParse(claims)
  const name = actor.success ? (actor.data.email ?? actor.data.common_name) : undefined
  if (!name) throw new Problem('access_denied', 'The Access token names nobody.')
  return name
}

/** Tells a bad token (403) from signing keys we could not get (503): the second is nothing the caller can mend. */
function refuse(error: unknown): never {
  const keysAreMissing =
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === errors.JOSEError.code
  if (keysAreMissing) {
    console.error(JSON.stringify({ event: 'access_keys_unavailable', error: error instanceof Error ? error.name : 'unknown' }))
    throw new Problem('unavailable', 'The signing keys of Cloudflare Access could not be read. Try again in a moment.')
  }
  throw new Problem('access_denied', 'The Access token is not valid for this API.')
}

/** One key set per team and isolate: it holds only public keys, refreshes itself, and so may outlive a request. */
const keySets = new Map<string, JWTVerifyGetKey>()

function signingKeys(teamUrl: string): JWTVerifyGetKey {
  const known = keySets.get(teamUrl)
  if (known) return known
  const created = createRemoteJWKSet(new URL('/cdn-cgi/access/certs', teamUrl), { timeoutDuration: accessKeysTimeoutMs })
  keySets.set(teamUrl, created)
  return created
}
