import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { accessSeconds } from '../limits.ts'

/** `__Host-`: only over https (or to localhost), only from this host, for all its paths; no page can read them. */
const options = { path: '/', secure: true, httpOnly: true, sameSite: 'Lax', prefix: 'host' } as const

const accessName = 'relay_access'
const refreshName = 'relay_refresh'

export function readAccessCookie(c: Context): string | null {
  return getCookie(c, accessName, 'host') ?? null
}

export function readRefreshCookie(c: Context): string | null {
  return getCookie(c, refreshName, 'host') ?? null
}

/** `refreshSeconds` is what is left of the session. */
export function setSessionCookies(
  c: Context,
  { access, refresh, refreshSeconds }: { access: string; refresh: string; refreshSeconds: number },
): void {
  setCookie(c, accessName, access, { ...options, maxAge: accessSeconds })
  setCookie(c, refreshName, refresh, { ...options, maxAge: refreshSeconds })
}

export function clearSessionCookies(c: Context): void {
  deleteCookie(c, accessName, options)
  deleteCookie(c, refreshName, options)
}
