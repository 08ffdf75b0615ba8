import { Redis } from '@upstash/redis'
import { and, eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditLog, sessions, users } from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import { apiApp } from '../app.ts'
import { Browser } from '../testing/browser.ts'
import { portalUrl, type Stage, setStage } from '../testing/stage.ts'
import { hashPassword } from './passwords.ts'
import { rotateToken } from './refresh-tokens.ts'

let stage: Stage
let redis: Redis
let passwordHash: string
const password = 'correct horse battery staple'
const refreshName = '__Host-relay_refresh'

beforeAll(async () => {
  ;[stage, passwordHash] = await Promise.all([setStage(), hashPassword(password)])
  redis = new Redis({ ...stage.surroundings.redis, automaticDeserialization: false })
})
afterAll(() => stage.stop())

async function newUser(more: Partial<typeof users.$inferInsert> = {}): Promise<{ userId: string; email: string }> {
  const userId = newId('usr')
  const email = `${userId}@example.com`
  await stage.db.insert(users).values({ id: userId, email, name: 'Test', emailVerifiedAt: new Date(), passwordHash, ...more })
  return { userId, email }
}

async function signedIn() {
  const user = await newUser()
  const browser = new Browser(stage)
  const answer = await browser.call('POST', '/api/auth/sign-in', { body: { email: user.email, password } })
  expect(answer).toMatchObject({ status: 200, json: { outcome: 'signed_in', userId: user.userId } })
  const sessionId = (await sessionsOf(user.userId)).at(-1)?.id ?? ''
  return { ...user, browser, sessionId }
}

const sessionsOf = (userId: string) => stage.db.select().from(sessions).where(eq(sessions.userId, userId)).orderBy(sessions.id)
const refresh = (browser: Browser) => browser.call('POST', '/api/auth/refresh')
const asks = async (browser: Browser) => (await browser.call('GET', '/api/me/sessions')).status
const mailsTo = (userId: string) => stage.mails.filter((mail) => 'userId' in mail && mail.userId === userId)
/** As if the last rotation of a session had been so long ago. */
const ageRotation = (sessionId: string, ms: number) => redis.hset(`refresh:${sessionId}`, { rotated_at: String(Date.now() - ms) })

async function actionsOf(chain: string): Promise<string[]> {
  const rows = await stage.db.select({ action: auditLog.action }).from(auditLog).where(eq(auditLog.chain, chain)).orderBy(auditLog.seq)
  return rows.map(({ action }) => action)
}

test('a sign-in opens an audited session, whose cookies no page can read and whose tokens Redis does not hold', async () => {
  const { userId, email, sessionId } = await signedIn()
  const again = await stage.call('POST', '/api/auth/sign-in', { body: { email: ` ${email.toUpperCase()}`, password } })
  const lines = again.headers.getSetCookie()
  expect(lines).toHaveLength(2)
  for (const line of lines) expect(line).toMatch(/^__Host-.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  expect(await actionsOf(userId)).toEqual(['session.opened', 'session.opened'])
  const token = new RegExp(`^${refreshName}=([^;]+)`).exec(lines[1] ?? '')?.[1] ?? ''
  expect(token).toMatch(/^rrt_ses_[0-9a-z]{26}\.[A-Za-z0-9_-]{43}$/)
  const browser = new Browser(stage)
  browser.cookies.set(refreshName, token)
  expect((await refresh(browser)).status).toBe(200)
  const kept = await Promise.all((await redis.keys('refresh:*')).map((key) => redis.hgetall(key)))
  for (const each of [token, browser.cookies.get(refreshName) ?? '']) expect(JSON.stringify(kept)).not.toContain(each.split('.')[1])
  expect(await redis.pttl(`refresh:${sessionId}`)).toBeGreaterThan(29 * 86_400_000)
})

test('who has no account, no password or another one gets the same answer; only who knows the password learns of an unverified address', async () => {
  const [known, without, unverified] = [await newUser(), await newUser({ passwordHash: null }), await newUser({ emailVerifiedAt: null })]
  const answers: unknown[] = []
  for (const email of ['nobody@example.com', known.email, without.email, unverified.email]) {
    const { status, json } = await new Browser(stage).call('POST', '/api/auth/sign-in', { body: { email, password: 'wrong' } })
    answers.push({ status, ...(json as object), requestId: '' })
  }
  expect(answers[0]).toMatchObject({ status: 401, code: 'sign_in_failed' })
  for (const answer of answers) expect(answer).toEqual(answers[0])
  const right = await new Browser(stage).call('POST', '/api/auth/sign-in', { body: { email: unverified.email, password } })
  expect(right).toMatchObject({ status: 403, json: { code: 'email_unverified' } })
  expect(await sessionsOf(unverified.userId)).toEqual([])
})

test('an account is guessed at some ten times and no more, even with the right password, and another account is not concerned', async () => {
  const { email } = await newUser()
  const attempt = (given: string) => new Browser(stage).call('POST', '/api/auth/sign-in', { body: { email, password: given } })
  let guesses = 0
  while (guesses < 12 && (await attempt('wrong')).status === 401) guesses++
  // One more where a window that slides begins anew.
  expect([10, 11]).toContain(guesses)
  const late = await attempt(password)
  expect(late).toMatchObject({ status: 429, json: { code: 'too_many_requests' } })
  expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0)
  await signedIn()
})

test('what another site sends signs nobody in, refreshes nothing and signs nobody out', async () => {
  const { browser, email } = await signedIn()
  const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  for (const path of ['/api/auth/refresh', '/api/auth/sign-out'])
    expect(await browser.call('POST', path, { headers })).toMatchObject({ status: 403, json: { code: 'cross_site' } })
  const body = { email, password }
  expect(await browser.call('POST', '/api/auth/sign-in', { headers, body })).toMatchObject({ status: 403, json: { code: 'cross_site' } })
  const form = { 'content-type': 'text/plain' }
  expect((await browser.call('POST', '/api/auth/sign-in', { headers: form, body })).status).toBe(415)
  expect((await refresh(browser)).status).toBe(200)
})

test('tabs that refresh at once all stay signed in, with one successor', async () => {
  const { browser, sessionId, userId } = await signedIn()
  const before = browser.cookies.get(refreshName)
  const tabs = Array.from({ length: 20 }, () => browser.copy())
  const answers = await Promise.all(tabs.map(refresh))
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
  expect(answers[0]?.json).toMatchObject({ sessionId, userId })
  const successors = new Set(tabs.map((tab) => tab.cookies.get(refreshName)))
  expect(successors.size).toBe(1)
  expect(successors.has(before)).toBe(false)
  expect((await Promise.all(tabs.slice(0, 5).map(refresh))).map(({ status }) => status)).toEqual(Array(5).fill(200))
})

test('a spent token that comes back after ten seconds ends the session for everybody, the newest token included, and mails its owner', async () => {
  const { browser, sessionId, userId } = await signedIn()
  const thief = browser.copy()
  expect((await refresh(thief)).status).toBe(200)
  await ageRotation(sessionId, 10_500)
  const owner = await refresh(browser)
  expect(owner).toMatchObject({ status: 401, json: { code: 'unauthenticated' } })
  expect([...browser.cookies.keys()]).toEqual([])
  expect(await asks(thief)).toBe(401)
  expect((await refresh(thief)).status).toBe(401)
  expect((await sessionsOf(userId))[0]?.revokedAt).not.toBeNull()
  expect(await actionsOf(userId)).toEqual(['session.opened', 'session.reuse_detected'])
  expect(mailsTo(userId)).toEqual([{ kind: 'notice', userId, notice: 'session_stolen' }])
})

test('of an owner and a thief who go on from the same token, the later one is noticed at once, even when the first end of the session failed', async () => {
  const { browser, sessionId, userId } = await signedIn()
  const [thief, stolen] = [browser.copy(), browser.cookies.get(refreshName) ?? '']
  expect([(await refresh(browser)).status, (await refresh(browser)).status]).toEqual([200, 200])
  // As if Postgres had been away just when it was noticed.
  expect(await rotateToken(stage.surroundings.redis, stolen, Date.now())).toEqual({ outcome: 'reused' })
  expect((await refresh(thief)).status).toBe(401)
  expect(await redis.exists(`refresh:${sessionId}`)).toBe(0)
  expect(await asks(browser)).toBe(401)
  expect(mailsTo(userId)).toHaveLength(1)
})

test('without Redis nothing is refreshed, opened or ended, and afterwards everything goes on', async () => {
  const { browser, userId, email } = await signedIn()
  const cut = { ...stage.env, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1023' }
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const refreshed = await apiApp.request('/api/auth/refresh', { method: 'POST', headers: { cookie, origin: portalUrl } }, cut)
  expect([refreshed.status, refreshed.headers.getSetCookie()]).toEqual([503, []])
  const body = JSON.stringify({ email, password })
  const json = { 'content-type': 'application/json' }
  expect((await apiApp.request('/api/auth/sign-in', { method: 'POST', headers: json, body }, cut)).status).toBe(503)
  expect((await sessionsOf(userId)).map(({ revokedAt }) => revokedAt)).toEqual([null])
  expect((await refresh(browser)).status).toBe(200)
  // A session is ended all the same: its row decides.
  const now = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const out = await apiApp.request('/api/auth/sign-out', { method: 'POST', headers: { cookie: now, origin: portalUrl } }, cut)
  expect(out.status).toBe(204)
  expect((await refresh(browser)).status).toBe(401)
})

test('a token is of its session alone, an ended or expired session is not refreshed, and what is no token is refused', async () => {
  const [one, other, expired] = [await signedIn(), await signedIn(), await signedIn()]
  const random = one.browser.cookies.get(refreshName)?.split('.')[1]
  await stage.db.update(sessions).set({ expiresAt: new Date() }).where(eq(sessions.id, expired.sessionId))
  expect((await refresh(expired.browser)).status).toBe(401)
  for (const token of [
    '',
    'x',
    `rrt_${newId('ses')}.${random}`,
    `rrt_${one.sessionId}.${random}x`,
    `rrt_${other.sessionId.toUpperCase()}.${random}`,
  ]) {
    const browser = new Browser(stage)
    browser.cookies.set(refreshName, token)
    expect((await refresh(browser)).status).toBe(401)
  }
  expect((await refresh(one.browser)).status).toBe(200)
  const swapped = other.browser.copy()
  swapped.cookies.set(refreshName, `rrt_${other.sessionId}.${random}`)
  expect((await refresh(swapped)).status).toBe(401)
  expect(await asks(one.browser)).toBe(200)
})

test('a refresh never moves the end of the session', async () => {
  const { browser, sessionId } = await signedIn()
  const expiresAt = new Date(Date.now() + 3_600_000)
  await stage.db.update(sessions).set({ expiresAt }).where(eq(sessions.id, sessionId))
  const answer = await refresh(browser)
  expect(answer.json).toMatchObject({ expiresAt: expiresAt.toISOString() })
  const line = answer.headers.getSetCookie().find((each) => each.startsWith(refreshName)) ?? ''
  const maxAge = Number(/max-age=(\d+)/i.exec(line)?.[1])
  expect(maxAge).toBeGreaterThan(3_500)
  expect(maxAge).toBeLessThanOrEqual(3_600)
})

test('signing out ends the session by either cookie, and is harmless without one', async () => {
  const [whole, lone] = [await signedIn(), await signedIn()]
  const thief = whole.browser.copy()
  expect((await whole.browser.call('POST', '/api/auth/sign-out')).status).toBe(204)
  expect([...whole.browser.cookies.keys()]).toEqual([])
  expect([await asks(thief), (await refresh(thief)).status]).toEqual([401, 401])
  expect(await actionsOf(whole.userId)).toEqual(['session.opened', 'session.signed_out'])
  const forger = new Browser(stage)
  forger.cookies.set(refreshName, `rrt_${newId('ses')}.${'A'.repeat(43)}`)
  expect((await forger.call('POST', '/api/auth/sign-out')).status).toBe(204)
  lone.browser.cookies.delete('__Host-relay_access')
  expect((await lone.browser.call('POST', '/api/auth/sign-out')).status).toBe(204)
  expect((await sessionsOf(lone.userId))[0]?.revokedAt).not.toBeNull()
  expect((await whole.browser.call('POST', '/api/auth/sign-out')).status).toBe(204)
})

test('a person lists own sessions page by page, and ends one or all others, but none of a stranger', async () => {
  const [{ browser, email, userId, sessionId }, stranger] = [await signedIn(), await signedIn()]
  const others = [new Browser(stage), new Browser(stage)]
  for (const other of others) await other.call('POST', '/api/auth/sign-in', { body: { email, password } })
  const first = await browser.call('GET', '/api/me/sessions?limit=2')
  const page = first.json as { data: { sessionId: string; current: boolean }[]; next: string }
  const rest = await browser.call('GET', `/api/me/sessions?limit=2&cursor=${page.next}`)
  expect(page.data.map(({ current }) => current)).toEqual([false, false])
  expect(rest.json).toMatchObject({ data: [{ sessionId, current: true, method: 'password', secondFactor: false }], next: null })
  expect((await stranger.browser.call('GET', `/api/me/sessions?cursor=${page.next}`)).status).toBe(400)
  expect((await browser.call('GET', '/api/me/sessions?cursor=AAAA')).status).toBe(400)
  const [newest] = page.data
  expect((await stranger.browser.call('DELETE', `/api/me/sessions/${newest?.sessionId}`)).status).toBe(404)
  expect((await browser.call('DELETE', `/api/me/sessions/${newest?.sessionId}`)).status).toBe(204)
  expect((await browser.call('DELETE', `/api/me/sessions/${newest?.sessionId}`)).status).toBe(404)
  const [older, newer] = others
  if (older && newer) expect([await asks(older), await asks(newer)]).toEqual([200, 401])
  expect((await browser.call('DELETE', '/api/me/sessions')).status).toBe(204)
  if (older) expect([await asks(older), (await refresh(older)).status, await asks(browser)]).toEqual([401, 401, 200])
  expect((await actionsOf(userId)).slice(-2)).toEqual(['session.ended', 'sessions.others_ended'])
})

test('sessions of a member are ended by who stands above, in both audit logs, and not by an equal, a lower one or a stranger', async () => {
  const people = [await stage.person(), await stage.person(), await stage.person(), await stage.person(), await stage.person()] as const
  const [owner, admin, otherAdmin, developer, outsider] = people
  const organizationId = await stage.organization([
    [owner, 'owner'],
    [admin, 'admin'],
    [otherAdmin, 'admin'],
    [developer, 'developer'],
  ])
  const end = async (by: { cookie: string }, userId: string) =>
    (await stage.call('DELETE', `/api/organizations/${organizationId}/members/${userId}/sessions`, { cookie: by.cookie })).status
  expect(await end(developer, admin.userId)).toBe(403)
  expect(await end(admin, owner.userId)).toBe(403)
  expect(await end(admin, otherAdmin.userId)).toBe(403)
  expect(await end(outsider, developer.userId)).toBe(404)
  expect(await end(owner, outsider.userId)).toBe(404)
  expect(await end(admin, developer.userId)).toBe(204)
  expect(await end(developer, developer.userId)).toBe(401)
  expect(await end(owner, admin.userId)).toBe(204)
  expect(await end(otherAdmin, otherAdmin.userId)).toBe(204)
  const entries = await stage.db
    .select({ chain: auditLog.chain, actorId: auditLog.actorId })
    .from(auditLog)
    .where(and(eq(auditLog.action, 'member.sessions_ended'), eq(auditLog.targetId, developer.userId)))
  expect(entries).toContainEqual({ chain: organizationId, actorId: admin.userId })
  expect(entries).toContainEqual({ chain: developer.userId, actorId: admin.userId })
})
