import { and, eq } from 'drizzle-orm'
import { SignJWT } from 'jose'
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditLog, organizations, recoveryCodes, secrets, sessions, users } from '#db/schema/index.ts'
import { signAccessToken } from '../caller/access-token.ts'
import { signingKeys } from '../signing/signing-keys.ts'
import { Browser } from '../testing/browser.ts'
import { type Answer, type Stage, setStage } from '../testing/stage.ts'
import { hashPassword } from './passwords.ts'
import { signChallenge } from './second-factor-challenge.ts'

let stage: Stage
const password = 'correct horse battery staple'
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.stop())

/** A code that an authenticator shows whose clock is so many steps off. */
function codeOf(secret: string, steps = 0): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 })
}

async function signedIn() {
  const person = await stage.person()
  const browser = new Browser(stage)
  browser.cookies.set('__Host-relay_access', person.cookie.split('=')[1] ?? '')
  return { ...person, browser }
}

async function withTotp() {
  const person = await signedIn()
  const begun = await person.browser.call('POST', '/api/me/totp')
  expect(begun.status).toBe(201)
  const { secret, uri } = begun.json as { secret: string; uri: string }
  const code = codeOf(secret)
  const confirmed = await person.browser.call('POST', '/api/me/totp/confirm', { body: { code } })
  expect(confirmed.status).toBe(200)
  return { ...person, secret, uri, code, codes: (confirmed.json as { recoveryCodes: string[] }).recoveryCodes }
}

const challengeOf = ({ userId }: { userId: string }) => signChallenge(stage.surroundings, { userId, method: 'password' })
const answerTo = (challenge: string, proof: object): Promise<Answer> =>
  new Browser(stage).call('POST', '/api/auth/second-factor', { body: { challenge, ...proof } })
const forgetStep = (userId: string) => stage.db.update(users).set({ totpLastStep: null }).where(eq(users.id, userId))
const noticesTo = (userId: string) => stage.mails.flatMap((mail) => (mail.kind === 'notice' && mail.userId === userId ? [mail.notice] : []))
const statusesOf = (answers: Answer[]) => answers.map(({ status }) => status).sort()

async function actionsOf(userId: string): Promise<string[]> {
  const rows = await stage.db.select({ action: auditLog.action }).from(auditLog).where(eq(auditLog.chain, userId)).orderBy(auditLog.seq)
  return rows.map(({ action }) => action)
}

test('an authenticator is on once a code of it is confirmed; then a password alone signs nobody in', async () => {
  const person = await withTotp()
  const { userId, sessionId, email, browser, secret, uri, codes } = person
  expect(uri).toContain(`secret=${secret}`)
  expect(codes).toHaveLength(10)
  for (const code of codes) expect(code).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/)
  expect((await browser.call('GET', '/api/me/second-factor')).json).toMatchObject({
    totpEnabledAt: expect.any(String),
    recoveryCodesLeft: 10,
  })
  expect(await stage.db.select({ secondFactor: sessions.secondFactor }).from(sessions).where(eq(sessions.id, sessionId))).toEqual([
    { secondFactor: true },
  ])
  const kept = JSON.stringify([await stage.db.select().from(secrets), await stage.db.select().from(recoveryCodes)])
  for (const shown of [secret, ...codes]) expect(kept).not.toContain(shown)
  expect((await browser.call('POST', '/api/me/totp')).status).toBe(409)

  await stage.db
    .update(users)
    .set({ passwordHash: await hashPassword(password), totpLastStep: null })
    .where(eq(users.id, userId))
  const other = new Browser(stage)
  const first = await other.call('POST', '/api/auth/sign-in', { body: { email, password } })
  expect(first).toMatchObject({ status: 200, json: { outcome: 'second_factor_required' } })
  expect([...other.cookies.keys()]).toEqual([])
  const { challenge } = first.json as { challenge: string }
  expect(await other.call('POST', '/api/auth/second-factor', { body: { challenge, code: '000000' } })).toMatchObject({
    status: 401,
    json: { code: 'sign_in_failed' },
  })
  const second = await other.call('POST', '/api/auth/second-factor', { body: { challenge, code: codeOf(secret) } })
  expect(second).toMatchObject({ status: 200, json: { outcome: 'signed_in', userId } })
  const list = await other.call('GET', '/api/me/sessions')
  expect((list.json as { data: unknown[] }).data[0]).toMatchObject({ current: true, method: 'password', secondFactor: true })
  expect(await actionsOf(userId)).toEqual(['second_factor.begun', 'second_factor.enabled', 'session.opened'])
  expect(noticesTo(userId)).toEqual(['second_factor_enabled'])
})

test('a code of an authenticator is taken once, also by several at once, and also when it has just confirmed', async () => {
  const person = await withTotp()
  const at = async () => answerTo(await challengeOf(person), { code: person.code })
  expect((await at()).status).toBe(401)
  await forgetStep(person.userId)
  expect(statusesOf(await Promise.all([at(), at(), at(), at()]))).toEqual([200, 401, 401, 401])
  expect((await at()).status).toBe(401)
})

test('a clock may be one step off, not two, and a code from before the last one taken is refused', async () => {
  const person = await withTotp()
  const at = async (steps: number) => (await answerTo(await challengeOf(person), { code: codeOf(person.secret, steps) })).status
  await forgetStep(person.userId)
  expect([await at(-3), await at(3)]).toEqual([401, 401])
  // Two steps off could become one when the step ends in between, three cannot.
  await forgetStep(person.userId)
  expect(await at(1)).toBe(200)
  expect(await at(0)).toBe(401)
  await forgetStep(person.userId)
  const past = codeOf(person.secret, -1)
  const answer = await answerTo(await challengeOf(person), { code: past })
  if (codeOf(person.secret, -1) === past) expect(answer.status).toBe(200)
})

test('a recovery code signs in once however it is typed, also of several at once, and its owner is told', async () => {
  const person = await withTotp()
  const [code = '', other = ''] = person.codes
  const typed = code.toUpperCase().replaceAll('-', ' ')
  const attempts = await Promise.all([1, 2, 3, 4].map(async () => answerTo(await challengeOf(person), { recoveryCode: typed })))
  expect(statusesOf(attempts)).toEqual([200, 401, 401, 401])
  expect((await answerTo(await challengeOf(await withTotp()), { recoveryCode: other })).status).toBe(401)
  expect((await person.browser.call('GET', '/api/me/second-factor')).json).toMatchObject({ recoveryCodesLeft: 9 })
  expect(noticesTo(person.userId)).toEqual(['second_factor_enabled', 'recovery_code_used'])
  expect(await actionsOf(person.userId)).toContain('recovery_code.used')

  const renewed = await person.browser.call('POST', '/api/me/recovery-codes')
  const fresh = (renewed.json as { recoveryCodes: string[] }).recoveryCodes
  expect((await answerTo(await challengeOf(person), { recoveryCode: other })).status).toBe(401)
  expect((await answerTo(await challengeOf(person), { recoveryCode: fresh[0] })).status).toBe(200)
})

test('a challenge signs in once, is good for minutes, and is neither an access token nor made from one', async () => {
  const person = await withTotp()
  const [first = '', second = '', third = ''] = person.codes
  const challenge = await challengeOf(person)
  expect((await answerTo(challenge, { recoveryCode: first })).status).toBe(200)
  expect((await answerTo(challenge, { recoveryCode: second })).status).toBe(401)

  const [{ id, key }] = await signingKeys(stage.surroundings, 'access')
  const signed = (typ: string, lifeSeconds: number, by = key) =>
    new SignJWT({ amr: 'password', sid: person.sessionId })
      .setProtectedHeader({ alg: 'HS256', kid: id, typ })
      .setIssuer('rocket-relay')
      .setSubject(person.userId)
      .setJti(crypto.randomUUID())
      .setIssuedAt(Math.floor(Date.now() / 1_000) + lifeSeconds - 300)
      .setExpirationTime(Math.floor(Date.now() / 1_000) + lifeSeconds)
      .sign(by)
  const stranger = await withTotp()
  const [head, , mac] = challenge.split('.')
  const refused = [
    await signed('second-factor+jwt', -1),
    await signed('second-factor+jwt', 300, new Uint8Array(32)),
    await signed('at+jwt', 300),
    await signAccessToken(stage.surroundings, person.sessionId),
    [head, (await challengeOf(stranger)).split('.')[1], mac].join('.'),
    'x',
  ]
  for (const each of refused) expect((await answerTo(each, { recoveryCode: second })).status).toBe(401)
  const asCookie = `__Host-relay_access=${await challengeOf(person)}`
  expect((await stage.call('GET', '/api/me/sessions', { cookie: asCookie })).status).toBe(401)
  // Signed in the same way as those that were refused, so that it was not the form that refused them.
  expect((await answerTo(await signed('second-factor+jwt', 300), { recoveryCode: third })).status).toBe(200)
})

test('codes are guessed at some ten times for one person, and no more even with the right one', async () => {
  const person = await withTotp()
  await forgetStep(person.userId)
  const guess = async () => (await answerTo(await challengeOf(person), { recoveryCode: '0'.repeat(16) })).status
  let guesses = 0
  while (guesses < 12 && (await guess()) === 401) guesses++
  // The confirmation was an attempt; and one more is let through where a window that slides begins anew.
  expect([9, 10]).toContain(guesses)
  expect((await answerTo(await challengeOf(person), { code: codeOf(person.secret) })).status).toBe(429)
})

test('an authenticator is turned off by a proof alone, and not while an organization of the person requires it', async () => {
  const person = await withTotp()
  const { userId, browser, code, codes } = person
  const off = (body: object) => browser.call('DELETE', '/api/me/totp', { body })
  const organizationId = await stage.organization([[person, 'developer']])
  await stage.db.update(organizations).set({ requireTwoFactor: true }).where(eq(organizations.id, organizationId))
  expect(await off({ recoveryCode: codes[0] })).toMatchObject({ status: 409, json: { code: 'conflict' } })
  await stage.db.update(organizations).set({ requireTwoFactor: false }).where(eq(organizations.id, organizationId))
  expect((await off({ code })).status).toBe(401) // It has confirmed.
  expect((await off({ recoveryCode: codes[0] })).status).toBe(204) // The refusal has not used it up.
  expect(await stage.db.select().from(secrets).where(eq(secrets.ownerId, userId))).toEqual([])
  expect((await browser.call('GET', '/api/me/second-factor')).json).toEqual({ totpEnabledAt: null, recoveryCodesLeft: 0 })
  expect((await answerTo(await challengeOf(person), { recoveryCode: codes[1] })).status).toBe(401)
  expect((await browser.call('POST', '/api/me/recovery-codes')).status).toBe(409)
  expect((await off({ recoveryCode: codes[1] })).status).toBe(409)
  expect(noticesTo(userId)).toEqual(['second_factor_enabled', 'recovery_code_used', 'second_factor_disabled'])
  expect((await browser.call('POST', '/api/me/totp')).status).toBe(201)
})

test('only the authenticator that was begun last is confirmed, and nothing without one', async () => {
  const { userId, browser } = await signedIn()
  expect((await browser.call('POST', '/api/me/totp/confirm', { body: { code: '123456' } })).status).toBe(409)
  const begun = await Promise.all([1, 2, 3].map(() => browser.call('POST', '/api/me/totp')))
  expect(statusesOf(begun)).toEqual([201, 201, 201])
  const last = (await browser.call('POST', '/api/me/totp')).json as { secret: string }
  const [first] = begun.map(({ json }) => (json as { secret: string }).secret)
  expect((await browser.call('POST', '/api/me/totp/confirm', { body: { code: codeOf(first ?? '') } })).status).toBe(401)
  const confirm = () => browser.call('POST', '/api/me/totp/confirm', { body: { code: codeOf(last.secret) } })
  expect(statusesOf(await Promise.all([confirm(), confirm(), confirm()]))).toEqual([200, 409, 409])
  expect(await stage.db.select().from(recoveryCodes).where(eq(recoveryCodes.userId, userId))).toHaveLength(10)
})

test('who signed in long ago shows once more who they are, by password or by code, before what asks for it', async () => {
  const person = await withTotp()
  const { userId, sessionId, browser, secret, code } = person
  const age = () =>
    stage.db
      .update(sessions)
      .set({ authenticatedAt: new Date(Date.now() - 3_600_000), secondFactor: false })
      .where(eq(sessions.id, sessionId))
  const show = async (body: object) => (await browser.call('POST', '/api/auth/reauthenticate', { body })).status
  const renew = async () => (await browser.call('POST', '/api/me/recovery-codes')).status
  await stage.db
    .update(users)
    .set({ passwordHash: await hashPassword(password) })
    .where(eq(users.id, userId))
  await age()
  expect(await renew()).toBe(403)
  expect([await show({ password: 'wrong' }), await show({ code }), await renew()]).toEqual([401, 401, 403])
  expect([await show({ password }), await renew()]).toEqual([204, 200])
  await age()
  await forgetStep(userId)
  expect([await show({ code: codeOf(secret) }), await renew()]).toEqual([204, 200])
  const [row] = await stage.db.select().from(sessions).where(eq(sessions.id, sessionId))
  expect(row?.secondFactor).toBe(true)
  const shown = and(eq(auditLog.chain, userId), eq(auditLog.action, 'session.reauthenticated'))
  expect(await stage.db.select({ after: auditLog.after }).from(auditLog).where(shown).orderBy(auditLog.seq)).toEqual([
    { after: { by: 'password' } },
    { after: { by: 'totp' } },
  ])
})
