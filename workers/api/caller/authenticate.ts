import type { Context } from 'hono'
import { type PersonRow, readManagementKeyCaller, readPersonCaller, type Standing } from '#db/queries/accounts/read-caller.ts'
import { hashApiKey, isWellFormedApiKey } from '#shared/values/api-key.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { ApiContext } from '../env.ts'
import { verifyAccessToken } from './access-token.ts'
import type { Caller, Person } from './caller.ts'
import { readAccessCookie } from './cookies.ts'

export interface Authenticated {
  caller: Caller
  /** What they are in the organization that was asked about; null when they do not belong to it, or none was. */
  standing: Standing | null
}

/**
 * Who asks, as Postgres knows them now, and as what they belong to an organization. A management key is sent as `Authorization: Bearer`; a person has a
 * cookie. Throws 401 when nobody is signed in, and 403 for a relay API key.
 */
export async function authenticate(c: Context<ApiContext>, organizationId: string | null): Promise<Authenticated> {
  const authorization = c.req.header('authorization')
  return authorization === undefined ? authenticatePerson(c, organizationId) : authenticateKey(c, authorization, organizationId)
}

async function authenticatePerson(c: Context<ApiContext>, organizationId: string | null): Promise<Authenticated> {
  const token = readAccessCookie(c)
  if (token === null) throw unauthenticated('Sign in, or send a management key.')
  const { surroundings } = c.var
  const sessionId = await verifyAccessToken(surroundings, token)
  if (sessionId === null) throw unauthenticated('The sign-in has run out. Refresh it, or sign in again.')
  const row = await readPersonCaller(surroundings.db, sessionId, organizationId)
  if (!row) throw unauthenticated('The session has ended. Sign in again.')
  refuseCrossSite(c)
  return { caller: personOf(row, sessionId), standing: row.standing }
}

function personOf({ standing: _, ...row }: PersonRow, sessionId: string): Person {
  return { type: 'person', sessionId, ...row }
}

async function authenticateKey(c: Context<ApiContext>, authorization: string, organizationId: string | null): Promise<Authenticated> {
  const key = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? ''
  if (isWellFormedApiKey(key)) throw new Problem('access_denied', 'This key calls models. Make a management key for this API.')
  const row = isWellFormedApiKey(key, 'rrm_') ? await readManagementKeyCaller(c.var.surroundings.db, await hashApiKey(key)) : null
  if (!row) throw unauthenticated('The management key is not valid, or no longer.')
  const { keyId, standing } = row
  const caller = { type: 'management_key', keyId, organizationId: row.organizationId, role: standing.role } as const
  return { caller, standing: row.organizationId === organizationId ? standing : null }
}

/**
 * Refuses a change that another site's page sends in the name of who is signed in here. A browser says where a request comes from, and a page cannot
 * change what it says; who sends neither header is no browser of today, and has to name the portal as its origin.
 */
export function refuseCrossSite(c: Context<ApiContext>): void {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return
  const origin = c.req.header('origin')
  const site = c.req.header('sec-fetch-site')
  if (origin !== undefined ? origin === c.var.surroundings.portalUrl : site === 'same-origin') return
  throw new Problem('cross_site', 'Changes are taken from the portal only. Other clients use a management key.')
}

function unauthenticated(detail: string): Problem {
  return new Problem('unauthenticated', detail, [], { 'www-authenticate': 'Bearer realm="rocket-relay"' })
}
