import { and, eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { auditLog, mailTokens, memberships, organizations, sessions, users } from '#db/schema/index.ts'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
import { apiApp } from '../app.ts'
import { attemptLimits } from '../limits.ts'
import { type Answer, type Stage, setStage } from '../testing/stage.ts'
import { signMailLink } from './mail-links.ts'
import { verifyPassword } from './passwords.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.stop())

const password = 'glacier tulip 88 onyx'
let made = 0
const newEmail = () => `person${++made}@example.org`
/** Each test comes from an address of its own, so that no test uses up the attempts of another. */
const newIp = () => `198.51.100.${++made}`

const post = (path: string, body: unknown, ip = newIp()): Promise<Answer> =>
  stage.call('POST', `/api/auth/${path}`, { body, headers: { 'cf-connecting-ip': ip } })
const signUp = (email: string, more: object = {}) => post('sign-up', { email, password, name: 'Ada', ...more })

async function userOf(email: string) {
  const [user] = await stage.db.select().from(users).where(eq(users.email, email))
  assert(user, 'the account was made')
  return user
}

/** The secret of the last link that was mailed to an account. */
async function linkOf(userId: string, purpose: (typeof mailTokens.$inferSelect)['purpose']): Promise<string> {
  const rows = await stage.db
    .select()
    .from(mailTokens)
    .where(and(eq(mailTokens.userId, userId), eq(mailTokens.purpose, purpose)))
  const id = rows
    .map((row) => row.id)
    .sort()
    .at(-1)
  assert(id !== undefined && stage.mails.some((mail) => mail.kind === 'link' && mail.tokenId === id), 'the link was mailed')
  return signMailLink(stage.surroundings, id)
}

async function signedUp() {
  const email = newEmail()
  await signUp(email)
  return userOf(email)
}

const isExpired = { status: 410, json: { code: 'link_spent' } }
const facts = ({ status, text, headers }: Answer) => ({ status, text, type: headers.get('content-type') })

test('a sign-up makes an unverified account that owns an organization of its own, and mails one link', async () => {
  const email = newEmail()
  expect(await signUp(email.toUpperCase())).toMatchObject({ status: 202, json: { status: 'mail_sent' } })
  const user = await userOf(email)
  expect(user.emailVerifiedAt).toBeNull()
  expect(await verifyPassword(password, user.passwordHash)).toBe(true)
  const own = await stage.db.select().from(memberships).where(eq(memberships.userId, user.id))
  expect(own).toMatchObject([{ role: 'owner', organizationId: user.currentOrganizationId }])
  const [organization] = await stage.db
    .select()
    .from(organizations)
    .where(eq(organizations.id, own[0]?.organizationId ?? ''))
  expect(organization).toMatchObject({ name: "Ada's organization", personal: true, balanceNanos: 0 })
  const entries = await stage.db.select().from(auditLog).where(eq(auditLog.actorId, user.id))
  expect(entries.map(({ action }) => action)).toEqual(expect.arrayContaining(['user.created', 'organization.created']))
  expect(JSON.stringify(entries)).not.toMatch(new RegExp(`scrypt|Ada|${email}`))
  expect(await post('verify-email', { token: await linkOf(user.id, 'verify_email'), password })).toMatchObject({ status: 204 })
  expect((await userOf(email)).emailVerifiedAt).not.toBeNull()
})

test('who opens the link of a sign-up that somebody else made with their address does not open an account with that password', async () => {
  const user = await signedUp()
  const token = await linkOf(user.id, 'verify_email')
  const own = await post('verify-email', { token, password: 'a password of the one whose address it is' })
  expect(own).toMatchObject({ status: 401, json: { code: 'sign_in_failed' } })
  expect((await userOf(user.email ?? '')).emailVerifiedAt).toBeNull()
  expect(await post('verify-email', { token, password })).toMatchObject({ status: 204 })
})

test('an answer to a sign-up does not tell whether the address has an account, and changes nothing of one', async () => {
  const user = await signedUp()
  const mailed = stage.mails.length
  const [again, fresh] = [await signUp(user.email ?? '', { password: `${password}!`, name: 'Eve' }), await signUp(newEmail())]
  expect(facts(again)).toEqual(facts(fresh))
  expect([...again.headers.keys()]).toEqual([...fresh.headers.keys()])
  expect(stage.mails.slice(mailed)).toMatchObject([{ kind: 'notice', notice: 'sign_up_again', userId: user.id }, { kind: 'link' }])
  expect(await userOf(user.email ?? '')).toEqual(user)
})

test('nor do the answers of those who forgot a password or want the link again; only an account is mailed', async () => {
  const user = await signedUp()
  for (const path of ['forgot-password', 'resend-verification']) {
    const mailed = stage.mails.length
    const startedAt = performance.now()
    const known = await post(path, { email: user.email })
    const between = performance.now()
    const unknown = await post(path, { email: newEmail() })
    expect(facts(known)).toEqual(facts(unknown))
    expect(known.status).toBe(202)
    expect(stage.mails.length - mailed).toBe(1)
    // Both wait for a whole step, which is longer than what an account makes the difference.
    for (const tookMs of [between - startedAt, performance.now() - between]) expect(tookMs).toBeGreaterThan(350)
  }
  await stage.db.update(users).set({ emailVerifiedAt: new Date() }).where(eq(users.id, user.id))
  const mailed = stage.mails.length
  expect((await post('resend-verification', { email: user.email })).status).toBe(202)
  expect(stage.mails.length).toBe(mailed)
})

test('a queue that is away fails no answer, or it would tell who has an account', async () => {
  const broken = { ...stage.env, MAIL_QUEUE: { send: () => Promise.reject(new Error('the queue is away')) } }
  const email = (await signedUp()).email
  const headers = { 'content-type': 'application/json', 'cf-connecting-ip': newIp() }
  const init = { method: 'POST', headers, body: JSON.stringify({ email }) }
  expect((await apiApp.request('/api/auth/forgot-password', init, broken)).status).toBe(202)
})

test('two sign-ups of one address at once make one account', async () => {
  const email = newEmail()
  const mailed = stage.mails.length
  const answers = await Promise.all([signUp(email), signUp(email)])
  expect(answers.map(({ status }) => status)).toEqual([202, 202])
  expect(await stage.db.select().from(users).where(eq(users.email, email))).toHaveLength(1)
  const kinds = stage.mails.slice(mailed).map((mail) => mail.kind)
  expect(kinds.sort()).toEqual(['link', 'notice'])
})

test.each([
  ['shortone', 'fewer than 12'],
  ['é'.repeat(11), 'fewer than 12'],
  ['x1'.repeat(101), 'more than 200'],
  ['12341234567890', 'too common'],
  ['Password1234', 'too common'],
  ['dragonmonkey!!', 'too common'],
  ['aaaaaaaaaaaaaaaaaa', 'too common'],
  ['1qaz2wsx3edc', 'too common'],
  ['of person-weak fame', 'name in the e-mail'],
  ['lone \ud800 surrogate', 'Unicode'],
])('the password %j is refused: %s', async (weak, detail) => {
  const answer = await signUp('person-weak@example.org', { password: weak })
  expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request', errors: [{ pointer: '#/password' }] } })
  expect(answer.text).toContain(detail)
  expect(await stage.db.select().from(users).where(eq(users.email, 'person-weak@example.org'))).toEqual([])
})

test('four words, twelve characters of any script and 200 of them are good passwords', async () => {
  for (const good of ['correct horse battery staple', 'пингвиныцарят', `${'a😀bcdé7'.repeat(28)}abcd`])
    expect((await signUp(newEmail(), { password: good })).status).toBe(202)
})

test.each([
  { email: 'a\u0000b@example.org' },
  { email: `${'a'.repeat(250)}@example.org` },
  { email: ['x@example.org'] },
  { name: 'A\u0000da' },
  { name: '\ud800' },
  { name: '' },
  { name: 'x'.repeat(121) },
  { role: 'owner' },
  { ['__proto__']: { emailVerified: true } },
])('a sign-up with %j is refused', async (more) => {
  const body = JSON.stringify({ email: newEmail(), password, name: 'Ada' }).replace(/\}$/, '')
  const headers = { 'content-type': 'application/json', 'cf-connecting-ip': newIp() }
  const answer = await stage.call('POST', '/api/auth/sign-up', { body: `${body},${JSON.stringify(more).slice(1)}`, headers })
  expect(answer.status).toBe(400)
})

/** Two requests that both found the account as it is, because neither got on before both waited for its lock. */
function twiceAtOnce(userId: string, ask: () => Promise<Answer>): Promise<Answer[]> {
  return stage.db
    .transaction(async (tx) => {
      await tx.execute(sql`select id from users where id = ${userId} for update`)
      const asked = [ask(), ask()]
      const waiting = sql`select count(*) = 2 as both from pg_locks where not granted`
      await vi.waitFor(async () => expect(await tx.execute(waiting)).toMatchObject({ rows: [{ both: true }] }), { timeout: 5_000 })
      return { asked }
    })
    .then(({ asked }) => Promise.all(asked))
}

test('each link works once, also when it is used twice at once', async () => {
  const user = await signedUp()
  const verify = await linkOf(user.id, 'verify_email')
  const both = await twiceAtOnce(user.id, () => post('verify-email', { token: verify, password }))
  expect(both.map(({ status }) => status).sort()).toEqual([204, 410])
  await post('forgot-password', { email: user.email })
  const reset = await linkOf(user.id, 'reset_password')
  expect((await post('reset-password', { token: reset, password: `${password}1` })).status).toBe(204)
  expect(await post('reset-password', { token: reset, password: `${password}2` })).toMatchObject(isExpired)
  expect(await verifyPassword(`${password}1`, (await userOf(user.email ?? '')).passwordHash)).toBe(true)
})

test('a link runs out, and cannot be used for another purpose, altered, or made by somebody else', async () => {
  const user = await signedUp()
  const token = await linkOf(user.id, 'verify_email')
  const [id = '', keyId = '', mac = ''] = token.split('.')
  expect(await post('reset-password', { token, password })).toMatchObject(isExpired)
  expect(await post('confirm-email', { token })).toMatchObject(isExpired)
  const altered = [
    `${newId('mtk')}.${keyId}.${mac}`,
    `${id}.${keyId}.${'A'.repeat(mac.length)}`,
    `${id}.sgk_x.${mac}`,
    `${token}.x`,
    `${id}\u0000`,
  ]
  for (const each of altered) expect(await post('verify-email', { token: each, password }), each).toMatchObject(isExpired)
  await stage.db
    .update(mailTokens)
    .set({ expiresAt: new Date(Date.now() - 1_000) })
    .where(eq(mailTokens.id, id))
  expect(await post('verify-email', { token, password })).toMatchObject(isExpired)
  expect((await userOf(user.email ?? '')).emailVerifiedAt).toBeNull()
})

test('links of a password are good for an hour, those of an address for a day', async () => {
  const user = await signedUp()
  await post('forgot-password', { email: user.email })
  const rows = await stage.db.select().from(mailTokens).where(eq(mailTokens.userId, user.id))
  const hours = rows.map(({ purpose, createdAt, expiresAt }) => [purpose, (expiresAt.getTime() - createdAt.getTime()) / 3_600_000])
  expect(Object.fromEntries(hours)).toEqual({ verify_email: 24, reset_password: 1 })
})

test('a reset verifies the address, ends every session and all other links, and tells the owner', async () => {
  const person = await stage.person()
  await stage.db.update(users).set({ emailVerifiedAt: null }).where(eq(users.id, person.userId))
  const asked = await stage.call('POST', '/api/me/email', { cookie: person.cookie, body: { email: newEmail() } })
  expect(asked.status).toBe(202)
  await post('forgot-password', { email: person.email })
  const token = await linkOf(person.userId, 'reset_password')
  expect(await post('reset-password', { token, password: 'password1234' })).toMatchObject({ status: 400 })
  expect((await post('reset-password', { token, password })).status).toBe(204)
  expect(await stage.call('GET', '/api/me', { cookie: person.cookie })).toMatchObject({ status: 401 })
  const [session] = await stage.db.select().from(sessions).where(eq(sessions.id, person.sessionId))
  expect(session?.revokedAt).not.toBeNull()
  expect((await userOf(person.email)).emailVerifiedAt).not.toBeNull()
  expect(await post('confirm-email', { token: await linkOf(person.userId, 'change_email') })).toMatchObject(isExpired)
  expect(stage.mails.at(-1)).toEqual({ kind: 'notice', notice: 'password_changed', userId: person.userId })
})

test('too many attempts at an account are refused with the time to wait, from wherever they come, and whether there is one or not', async () => {
  for (const [path, body, { perAccount }] of [
    ['forgot-password', { email: newEmail() }, attemptLimits.mail_link],
    ['verify-email', { token: 'x', password }, attemptLimits.link_use],
  ] as const) {
    const allowed = await Promise.all(Array.from({ length: perAccount }, () => post(path, body)))
    expect(allowed.map(({ status }) => status)).not.toContain(429)
    const refused = await post(path, body)
    expect(refused).toMatchObject({ status: 429, json: { code: 'too_many_requests' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  }
})

test('too many attempts from one address are refused, whatever they name; also while Redis is away', async () => {
  const silenced = vi.spyOn(console, 'error').mockReturnValue(undefined)
  const away = { ...stage.env, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1' }
  for (const env of [stage.env, away]) {
    const headers = { 'content-type': 'application/json', 'cf-connecting-ip': newIp() }
    const ask = () => {
      const init = { method: 'POST', headers, body: JSON.stringify({ email: newEmail() }) }
      return Promise.resolve(apiApp.request('/api/auth/resend-verification', init, env))
    }
    const allowed = await Promise.all(Array.from({ length: attemptLimits.mail_link.perIp }, ask))
    expect(allowed.map(({ status }) => status)).toEqual(allowed.map(() => 202))
    const refused = await ask()
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  }
  silenced.mockRestore()
})
