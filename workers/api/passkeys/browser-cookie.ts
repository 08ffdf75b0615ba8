import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { encodeBase64url } from '#workers/services/secrets/base64url.ts'
import { passkeySeconds } from '../limits.ts'

const name = 'relay_passkey'

/** The secret by which challenges are bound to a browser before anybody is signed in; made when there is none. */
export function bindBrowser(c: Context): string {
  const secret = browserOf(c) ?? encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
  setCookie(c, name, secret, { path: '/', secure: true, httpOnly: true, sameSite: 'Lax', prefix: 'host', maxAge: passkeySeconds })
  return secret
}

/** The same secret as the browser sends it back; null when it sends none. */
export function browserOf(c: Context): string | null {
  return getCookie(c, name, 'host') ?? null
}
