import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { z } from 'zod'
import { OauthProvider } from '#shared/contracts/api/parameters.ts'
import type { ApiContext } from '../env.ts'
import { oauthSeconds } from '../limits.ts'
import { signToken, verifyToken } from '../signing/signed-token.ts'

const Flow = z.object({
  provider: OauthProvider,
  /** What the provider has to give back, so that only who began can end it (RFC 6749, section 10.12). */
  state: z.string(),
  /** Proves to the provider that who exchanges the code is who asked for it (RFC 7636). */
  verifier: z.string(),
  /** What an ID token has to hold (OpenID Connect Core, section 3.1.2.1). */
  nonce: z.string(),
  returnTo: z.string(),
  /** The session that the account there is to be linked to; null to sign in. */
  linkTo: z.string().nullable(),
})

/** A sign-in at a provider that is under way, as the browser that began it carries it. */
export type Flow = z.infer<typeof Flow>

const name = 'relay_oauth'
const type = 'oauth-flow+jwt'
// Lax: the way back from the provider is a navigation that another site begins, and has to bring the cookie.
const options = { path: '/', secure: true, httpOnly: true, sameSite: 'Lax', prefix: 'host' } as const

/** Lets the browser carry a flow; one that it began before can no longer end. */
export async function keepFlow(c: Context<ApiContext>, flow: Flow): Promise<void> {
  setCookie(c, name, await signToken(c.var.surroundings, type, { ...flow }, oauthSeconds), { ...options, maxAge: oauthSeconds })
}

/** Takes the flow from the browser, so that it ends once; null when it carries none that is ours and in time. */
export async function takeFlow(c: Context<ApiContext>): Promise<Flow | null> {
  const token = getCookie(c, name, 'host')
  deleteCookie(c, name, options)
  if (token === undefined) return null
  return Flow.safeParse(await verifyToken(c.var.surroundings, type, token)).data ?? null
}
