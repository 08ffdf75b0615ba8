import { eq } from 'drizzle-orm'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { notePasskeyUse } from '#db/queries/accounts/note-passkey-use.ts'
import { auditLog, passkeys, sessions, users } from '#db/schema/index.ts'
import { AuthenticationOptions, Passkey, RegistrationOptions } from '#shared/contracts/api/passkeys.ts'
import { SignedIn } from '#shared/contracts/api/sign-in.ts'
import { apiApp } from '../app.ts'
import { setCookiesOf } from '../testing/answered-cookies.ts'
import { Authenticator, type Behaviour } from '../testing/authenticator.ts'
import { portalUrl, type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
let redis: Redis
beforeAll(async () => {
  stage = await setStage()
  redis = new Redis(stage.redisUrl)
})
afterAll(async () => {
  redis.disconnect()
  await stage.stop()
})

const site = { origin: portalUrl, rpId: 'portal.test' }

async function beginRegistration({ cookie }: TestPerson) {
  return RegistrationOptions.parse((await stage.call('POST', '/api/me/passkeys/options', { cookie })).json)
}

async function register(person: TestPerson, authenticator = new Authenticator(site), behaviour: Behaviour = {}, name = 'Laptop') {
  const response = authenticator.register(await beginRegistration(person), behaviour)
  const answer = await stage.call('POST', '/api/me/passkeys', { cookie: person.cookie, body: { name, response } })
  return { answer, authenticator, response }
}

/** Options of a sign-in, and the cookie of the browser that they are bound to. */
async function beginSignIn(cookie?: string) {
  const answer = await stage.call('POST', '/api/auth/passkey/options', { cookie })
  expect(answer.status).toBe(200)
  return { options: AuthenticationOptions.parse(answer.json), cookie: setCookiesOf(answer) }
}

async function signIn(authenticator: Authenticator, behaviour: Behaviour = {}) {
  const { options, cookie } = await beginSignIn()
  return stage.call('POST', '/api/auth/passkey', { cookie, body: { response: authenticator.authenticate(options, behaviour) } })
}

const refusedSignIn = { status: 401, json: { code: 'sign_in_failed' } }

test('a passkey is registered, signs in with a second factor, and its owner is told by mail and audit log', async () => {
  const person = await stage.person()
  const { answer, authenticator } = await register(person)
  expect(answer).toMatchObject({ status: 201, json: { name: 'Laptop', backedUp: true, lastUsedAt: null } })
  expect(stage.mails).toContainEqual({ kind: 'notice', userId: person.userId, notice: 'passkey_added' })

  const signedIn = await signIn(authenticator)
  expect(signedIn.status).toBe(200)
  const { userId, sessionId } = SignedIn.parse(signedIn.json)
  expect(userId).toBe(person.userId)
  const [session] = await stage.db.select().from(sessions).where(eq(sessions.id, sessionId))
  expect(session).toMatchObject({ userId, method: 'passkey', secondFactor: true })

  const listed = await stage.call('GET', '/api/me/passkeys', { cookie: setCookiesOf(signedIn) })
  expect(listed.json).toMatchObject({ data: [{ name: 'Laptop', lastUsedAt: expect.any(String) }] })
  const actions = await stage.db.select().from(auditLog).where(eq(auditLog.chain, userId))
  expect(actions.map(({ action }) => action)).toEqual(['passkey.added', 'session.opened'])
  expect(actions[0]).toMatchObject({ actorId: userId, after: { name: 'Laptop', backedUp: true } })
})

test('options ask for a verifying, resident passkey that is not there yet, and name nobody at a sign-in', async () => {
  const person = await stage.person()
  const { authenticator } = await register(person)
  const options = await beginRegistration(person)
  expect(options).toMatchObject({
    rp: { id: 'portal.test' },
    user: { name: person.email },
    attestation: 'none',
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    excludeCredentials: [{ id: authenticator.credentialId.toString('base64url') }],
  })
  const { options: signInOptions } = await beginSignIn()
  expect(signInOptions).toEqual({ rpId: 'portal.test', challenge: expect.any(String), timeout: 300_000, userVerification: 'required' })
})

describe.each<{ wrong: string; behaviour: Behaviour }>([
  { wrong: 'the origin', behaviour: { origin: 'https://portal.test.evil.example' } },
  { wrong: 'the port of the origin', behaviour: { origin: 'https://portal.test:8443' } },
  { wrong: 'the relying party', behaviour: { rpId: 'evil.example' } },
  { wrong: 'that the user is not verified', behaviour: { verifiesUser: false } },
  { wrong: 'a challenge that nobody gave', behaviour: { challenge: 'bm9ib2R5IGdhdmUgdGhpcw' } },
])('with $wrong', ({ behaviour }) => {
  test('nothing is registered', async () => {
    const person = await stage.person()
    const { answer } = await register(person, new Authenticator(site), behaviour)
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(await stage.db.select().from(passkeys).where(eq(passkeys.userId, person.userId))).toEqual([])
  })

  test('nobody is signed in', async () => {
    const { authenticator } = await register(await stage.person())
    const answer = await signIn(authenticator, behaviour)
    expect(answer).toMatchObject(refusedSignIn)
    expect(setCookiesOf(answer)).not.toContain('relay_access')
    expect((await signIn(authenticator)).status).toBe(200)
  })
})

test('a challenge is answered once, by the browser or session it was given to, within five minutes', async () => {
  const { authenticator } = await register(await stage.person())
  const { options, cookie } = await beginSignIn()
  const other = await beginSignIn()
  const attempt = (sent: string | undefined) => {
    return stage.call('POST', '/api/auth/passkey', { cookie: sent, body: { response: authenticator.authenticate(options) } })
  }
  expect(await attempt(undefined)).toMatchObject(refusedSignIn)
  expect(await attempt(other.cookie)).toMatchObject(refusedSignIn)
  expect((await attempt(cookie)).status).toBe(200)
  expect(await attempt(cookie)).toMatchObject(refusedSignIn)

  const late = await beginSignIn()
  const kept = await redis.keys('passkey:sign_in:*')
  for (const key of kept) {
    expect(await redis.ttl(key)).toBeLessThanOrEqual(300)
    await redis.pexpire(key, 0)
  }
  const response = authenticator.authenticate(late.options)
  expect(await stage.call('POST', '/api/auth/passkey', { cookie: late.cookie, body: { response } })).toMatchObject(refusedSignIn)
})

test('two tabs of one browser may both have begun', async () => {
  const { authenticator } = await register(await stage.person())
  const first = await beginSignIn()
  const second = await beginSignIn(first.cookie)
  for (const { options } of [first, second]) {
    const response = authenticator.authenticate(options)
    expect((await stage.call('POST', '/api/auth/passkey', { cookie: second.cookie, body: { response } })).status).toBe(200)
  }
})

test('a registration answers a challenge of its own session only', async () => {
  const [person, other] = [await stage.person(), await stage.person()]
  const response = new Authenticator(site).register(await beginRegistration(other))
  expect((await stage.call('POST', '/api/me/passkeys', { cookie: person.cookie, body: { name: 'Stolen', response } })).status).toBe(400)
  const signInOptions = (await beginSignIn()).options
  const confused = new Authenticator(site).register({ ...signInOptions, user: { id: 'x' } })
  expect(
    (await stage.call('POST', '/api/me/passkeys', { cookie: person.cookie, body: { name: 'Stolen', response: confused } })).status,
  ).toBe(400)
})

test('a counter that does not go forward is a copy, and a passkey that does not count is none', async () => {
  const { answer, authenticator } = await register(await stage.person())
  expect((await signIn(authenticator, { counter: 0 })).status).toBe(200)
  expect((await signIn(authenticator, { counter: 7 })).status).toBe(200)
  for (const counter of [7, 6, 0]) expect(await signIn(authenticator, { counter })).toMatchObject(refusedSignIn)
  const { passkeyId } = Passkey.parse(answer.json)
  // As of two sign-ins at once, which both have read the counter before.
  expect(await notePasskeyUse(stage.db, { passkeyId, counter: 7, backedUp: true })).toBe(false)
  expect(await notePasskeyUse(stage.db, { passkeyId, counter: 8, backedUp: true })).toBe(true)
})

test('an unknown passkey, one of another user, an altered signature and a deleted account sign nobody in', async () => {
  const person = await stage.person()
  const { authenticator } = await register(person)
  expect(await signIn(new Authenticator(site))).toMatchObject(refusedSignIn)
  expect(await signIn(authenticator, { userHandle: Buffer.from('usr_other').toString('base64url') })).toMatchObject(refusedSignIn)
  expect(await signIn(authenticator, { userHandle: null })).toMatchObject(refusedSignIn)
  const stranger = new Authenticator(site)
  stranger.register(await beginRegistration(person))
  expect(await signIn(stranger, { credentialId: authenticator.credentialId })).toMatchObject(refusedSignIn)
  await stage.db.update(users).set({ email: null, deletedAt: new Date() }).where(eq(users.id, person.userId))
  expect(await signIn(authenticator)).toMatchObject(refusedSignIn)
})

test('a credential is registered once, whoever tries', async () => {
  const [person, other] = [await stage.person(), await stage.person()]
  const { authenticator } = await register(person)
  for (const each of [person, other]) {
    const { answer } = await register(each, new Authenticator(site), { credentialId: authenticator.credentialId })
    expect(answer).toMatchObject({ status: 409, json: { code: 'conflict' } })
  }
})

test('an account has at most twenty passkeys', async () => {
  const person = await stage.person()
  const rows = Array.from({ length: 20 }, (_, index) => {
    const id = `pky_${index}_${person.userId}`
    return { id, userId: person.userId, name: 'Key', credentialId: id, publicKey: '', counter: 0, backedUp: false }
  })
  await stage.db.insert(passkeys).values(rows)
  expect((await register(person)).answer).toMatchObject({ status: 409 })
})

test('passkeys are renamed and removed by their owner, and the last way to sign in stays', async () => {
  const [person, other] = [await stage.person(), await stage.person()]
  const { passkeyId } = Passkey.parse((await register(person)).answer.json)
  const path = `/api/me/passkeys/${passkeyId}`
  for (const [method, body] of [
    ['PATCH', { name: 'Mine' }],
    ['DELETE', undefined],
  ] as const)
    expect((await stage.call(method, path, { cookie: other.cookie, body })).status).toBe(404)
  expect(await stage.call('PATCH', path, { cookie: person.cookie, body: { name: 'Phone' } })).toMatchObject({ json: { name: 'Phone' } })
  expect(await stage.call('DELETE', path, { cookie: person.cookie })).toMatchObject({ status: 409, json: { code: 'conflict' } })
  await register(person)
  const before = stage.mails.length
  expect((await stage.call('DELETE', path, { cookie: person.cookie })).status).toBe(204)
  expect(stage.mails.slice(before)).toEqual([{ kind: 'notice', userId: person.userId, notice: 'passkey_removed' }])
  const entries = await stage.db.select().from(auditLog).where(eq(auditLog.chain, person.userId))
  expect(entries).toMatchObject([
    { action: 'passkey.added' },
    { action: 'passkey.renamed', before: { name: 'Laptop' }, after: { name: 'Phone' } },
    { action: 'passkey.added' },
    { action: 'passkey.removed', before: { name: 'Phone' }, after: null },
  ])
})

test('of two passkeys removed at once, one stays', async () => {
  const person = await stage.person()
  const ids = [await register(person), await register(person)].map(({ answer }) => Passkey.parse(answer.json).passkeyId)
  const answers = await Promise.all(ids.map((id) => stage.call('DELETE', `/api/me/passkeys/${id}`, { cookie: person.cookie })))
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 409])
})

test('a stale session registers and removes nothing until a passkey of its person has made it fresh', async () => {
  const person = await stage.person()
  const { answer, authenticator } = await register(person)
  const { authenticator: foreign } = await register(await stage.person())
  await stage.db
    .update(sessions)
    .set({ authenticatedAt: new Date(Date.now() - 11 * 60_000) })
    .where(eq(sessions.id, person.sessionId))
  const { passkeyId } = Passkey.parse(answer.json)
  const { cookie } = person
  for (const [method, path] of [
    ['POST', '/options'],
    ['DELETE', `/${passkeyId}`],
  ])
    expect(await stage.call(method ?? '', `/api/me/passkeys${path}`, { cookie })).toMatchObject({
      status: 403,
      json: { code: 'fresh_sign_in_required' },
    })

  const reauthenticate = async (used: Authenticator) => {
    const options = AuthenticationOptions.parse((await stage.call('POST', '/api/auth/reauthenticate/passkey/options', { cookie })).json)
    expect(options.allowCredentials).toMatchObject([{ id: authenticator.credentialId.toString('base64url') }])
    return stage.call('POST', '/api/auth/reauthenticate/passkey', { cookie, body: { response: used.authenticate(options) } })
  }
  expect(await reauthenticate(foreign)).toMatchObject(refusedSignIn)
  expect((await stage.call('POST', '/api/me/passkeys/options', { cookie })).status).toBe(403)
  expect((await reauthenticate(authenticator)).status).toBe(204)
  expect((await stage.call('POST', '/api/me/passkeys/options', { cookie })).status).toBe(200)
  const [session] = await stage.db.select().from(sessions).where(eq(sessions.id, person.sessionId))
  expect(session).toMatchObject({ secondFactor: true, method: 'password' })
})

test('broken answers are refused as such', async () => {
  const person = await stage.person()
  const { cookie, options } = await beginSignIn()
  const right = new Authenticator(site).authenticate(options)
  const wrong = [
    {},
    { ...right, type: 'password' },
    { ...right, id: 'A'.repeat(2_000) },
    { ...right, response: { ...right.response, clientDataJSON: '\u0000' } },
    { ...right, response: { ...right.response, signature: 7 } },
  ]
  for (const response of wrong) expect((await stage.call('POST', '/api/auth/passkey', { cookie, body: { response } })).status).toBe(400)
  for (const clientDataJSON of ['e30', 'bnVsbA', 'AAAA', 'A'])
    expect(
      (
        await stage.call('POST', '/api/auth/passkey', {
          cookie,
          body: { response: { ...right, response: { ...right.response, clientDataJSON } } },
        })
      ).status,
    ).toBe(401)
  const made = new Authenticator(site).register(await beginRegistration(person))
  const garbage = { ...made, response: { ...made.response, attestationObject: 'AAAA' } }
  expect((await stage.call('POST', '/api/me/passkeys', { cookie: person.cookie, body: { name: 'x', response: garbage } })).status).toBe(400)
})

test('without Redis passkeys cannot be used, and that is said', async () => {
  const { authenticator } = await register(await stage.person())
  const { options, cookie } = await beginSignIn()
  const body = { response: authenticator.authenticate(options) }
  const away = { ...stage.env, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9' }
  const headers = { 'content-type': 'application/json', cookie, origin: portalUrl }
  for (const path of ['/api/auth/passkey/options', '/api/auth/passkey']) {
    const answer = await apiApp.request(path, { method: 'POST', headers, body: JSON.stringify(body) }, away)
    expect(answer.status).toBe(503)
  }
  expect((await stage.call('POST', '/api/auth/passkey', { cookie, body })).status).toBe(200)
})
