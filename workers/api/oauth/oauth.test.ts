import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditLog, identities, sessions, users } from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import type { Somebody } from '#workers/dev/oauth/people.ts'
import { startOauthProvider } from '#workers/dev/oauth/provider.ts'
import { findFreePorts } from '#workers/dev/ports.ts'
import { apiApp } from '../app.ts'
import { setCookiesOf } from '../testing/answered-cookies.ts'
import { visitProvider } from '../testing/provider-visit.ts'
import { portalUrl, type Stage, setStage, type TestPerson } from '../testing/stage.ts'

type Service = 'github' | 'google'
const services: Service[] = ['github', 'google']

const emailOf = (login: string) => `${login}@example.com`
const known = ['new', 'twin', 'both', 'squatted', 'factor', 'replay', 'link', 'other', 'states', 'leaver', 'offline']
const people: Somebody[] = [
  ...known.map((login) => ({ login, name: login, email: emailOf(login), managed: true })),
  { login: 'unverified', name: 'Una', email: emailOf('unverified'), verified: false },
  { login: 'unmanaged', name: 'Mia', email: emailOf('unmanaged') },
]
/** Each provider has its own people, so that tests of one do not meet those of the other. */
const peopleOf = (service: Service) => people.map((each) => ({ ...each, email: `${service}-${each.email}` }))
const addressOf = (service: Service, login: string) => `${service}-${emailOf(login)}`

let stage: Stage
let ends: (() => Promise<void>)[]
beforeAll(async () => {
  const application = { clientId: 'client', clientSecret: 'secret' }
  const [githubPort = 0, googlePort = 0] = await findFreePorts(2)
  const run = (service: Service, port: number) => {
    const redirectUri = `${portalUrl}/api/auth/oauth/${service}/callback`
    return startOauthProvider({ service, port, people: peopleOf(service), application, redirectUri })
  }
  const [github, google] = await Promise.all([run('github', githubPort), run('google', googlePort)])
  ends = [github.end, google.end]
  const { clientId, clientSecret } = application
  stage = await setStage({
    ...{ GITHUB_CLIENT_ID: clientId, GITHUB_CLIENT_SECRET: clientSecret, GITHUB_URL: github.url, GITHUB_API_URL: github.url },
    ...{ GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: clientSecret, GOOGLE_URL: google.url },
  })
})
afterAll(async () => {
  await Promise.all([stage.stop(), ...ends.map((end) => end())])
})

/** The way to the provider, and the cookie of the browser that goes there. */
async function start(service: Service, returnTo = '/keys?page=2#top') {
  const answer = await stage.call('GET', `/api/auth/oauth/${service}/start?returnTo=${encodeURIComponent(returnTo)}`)
  expect(answer.status).toBe(302)
  return { location: answer.headers.get('location') ?? '', cookie: setCookiesOf(answer) }
}

async function comeBack(back: URL, cookie?: string) {
  const answer = await stage.call('GET', back.pathname + back.search, { cookie })
  expect(answer.status).toBe(302)
  return { location: answer.headers.get('location'), cookie: setCookiesOf(answer) }
}

async function signIn(service: Service, login: string) {
  const { location, cookie } = await start(service)
  return comeBack(await visitProvider(location, addressOf(service, login)), cookie)
}

async function link(service: Service, login: string, { cookie }: TestPerson) {
  const answer = await stage.call('POST', `/api/me/identities/${service}`, { cookie, body: { returnTo: '/profile?tab=sign-in' } })
  expect(answer.status).toBe(200)
  const { url } = answer.json as { url: string }
  const both = `${cookie}; ${setCookiesOf(answer)}`
  return { both, back: await visitProvider(url, addressOf(service, login)) }
}

/** An account that was here before. */
async function addUser(email: string, values: Partial<typeof users.$inferInsert> = {}): Promise<string> {
  const id = newId('usr')
  await stage.db.insert(users).values({ id, email, name: 'Before', passwordHash: 'scrypt$', emailVerifiedAt: new Date(), ...values })
  return id
}

const usersOf = (email: string) => stage.db.select().from(users).where(eq(users.email, email))
const identitiesOf = (userId: string) => stage.db.select().from(identities).where(eq(identities.userId, userId))
const refused = (error: string) => `${portalUrl}/sign-in?error=${error}`

describe.each(services)('%s', (service) => {
  test('somebody new gets an account with a verified address, and enters the same one again', async () => {
    const email = addressOf(service, 'new')
    const first = await signIn(service, 'new')
    expect(first.location).toBe(`${portalUrl}/keys?page=2#top`)
    const [user] = await usersOf(email)
    expect(user).toMatchObject({ name: 'new', passwordHash: null, emailVerifiedAt: expect.any(Date) })
    const userId = user?.id ?? ''
    expect(await stage.call('GET', '/api/me/identities', { cookie: first.cookie })).toMatchObject({
      json: { data: [{ provider: service, email }] },
    })
    const second = await signIn(service, 'new')
    expect(second.location).toBe(`${portalUrl}/keys?page=2#top`)
    const opened = await stage.db.select().from(sessions).where(eq(sessions.userId, userId))
    expect(opened).toMatchObject([{ method: service, secondFactor: false }, { method: service }])
    const entries = await stage.db.select().from(auditLog).where(eq(auditLog.chain, userId))
    expect(entries.map(({ action }) => action)).toEqual(['user.created', 'identity.linked', 'session.opened', 'session.opened'])
    expect(new Set(entries.map(({ actorId }) => actorId))).toEqual(new Set([userId]))
  })

  test('the provider gets a challenge, a state and our own address, and the browser a cookie that no page reads', async () => {
    const answer = await stage.call('GET', `/api/auth/oauth/${service}/start`)
    const sent = Object.fromEntries(new URL(answer.headers.get('location') ?? '').searchParams)
    expect(sent).toMatchObject({ response_type: 'code', code_challenge_method: 'S256', code_challenge: expect.stringMatching(/^.{43}$/) })
    expect(sent.redirect_uri).toBe(`${portalUrl}/api/auth/oauth/${service}/callback`)
    expect(sent.state).toMatch(/^.{43}$/)
    expect(answer.headers.getSetCookie()[0]).toMatch(/^__Host-relay_oauth=.*; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  })

  test('an address that the provider does not vouch for makes no account', async () => {
    expect((await signIn(service, 'unverified')).location).toBe(refused('email_unverified'))
    expect(await usersOf(addressOf(service, 'unverified'))).toEqual([])
  })

  test('an account of the same address is entered when both sides have verified it, and its owner is told', async () => {
    const userId = await addUser(addressOf(service, 'both'))
    expect((await signIn(service, 'both')).location).toBe(`${portalUrl}/keys?page=2#top`)
    expect(await identitiesOf(userId)).toMatchObject([{ provider: service }])
    expect(stage.mails).toContainEqual({ kind: 'notice', userId, notice: 'identity_linked' })
  })

  test('an account whose address nobody has verified here is neither entered nor changed', async () => {
    const userId = await addUser(addressOf(service, 'squatted'), { emailVerifiedAt: null })
    expect(await signIn(service, 'squatted')).toEqual({ location: refused('account_exists'), cookie: '' })
    expect(await identitiesOf(userId)).toEqual([])
    expect(await usersOf(addressOf(service, 'squatted'))).toMatchObject([{ emailVerifiedAt: null, passwordHash: 'scrypt$' }])
  })

  test('who has a second factor is asked for it', async () => {
    await addUser(addressOf(service, 'factor'), { totpEnabledAt: new Date() })
    const { location, cookie } = await signIn(service, 'factor')
    expect(location).toMatch(/^https:\/\/portal\.test\/sign-in\/second-factor#challenge=.+&returnTo=%2Fkeys%3Fpage%3D2%23top$/)
    expect(cookie).not.toContain('relay_access')
  })

  test('two who come back at once make one account', async () => {
    const begun = await Promise.all([start(service), start(service)])
    const backs = await Promise.all(begun.map(({ location }) => visitProvider(location, addressOf(service, 'twin'))))
    const done = await Promise.all(backs.map((back, index) => comeBack(back, begun[index]?.cookie)))
    expect(done.map(({ location }) => location)).toEqual(Array(2).fill(`${portalUrl}/keys?page=2#top`))
    const found = await usersOf(addressOf(service, 'twin'))
    expect(found).toHaveLength(1)
    expect(await identitiesOf(found[0]?.id ?? '')).toHaveLength(1)
  })

  test('a sign-in ends in the browser that began it, with the state it was given', async () => {
    const [mine, other] = [await start(service), await start(service)]
    const back = await visitProvider(mine.location, addressOf(service, 'states'))
    const altered = new URL(back)
    altered.searchParams.set('state', 'A'.repeat(43))
    const without = new URL(back)
    without.searchParams.delete('state')
    const elsewhere = new URL(back)
    elsewhere.pathname = `/api/auth/oauth/${service === 'github' ? 'google' : 'github'}/callback`
    const forged = `${mine.cookie.slice(0, -2)}${mine.cookie.endsWith('AA') ? 'BB' : 'AA'}`
    const wrong: [URL, string | undefined][] = [
      [back, undefined],
      [back, other.cookie],
      [back, forged],
      [altered, mine.cookie],
      [without, mine.cookie],
      [elsewhere, mine.cookie],
    ]
    for (const [url, cookie] of wrong) expect(await comeBack(url, cookie)).toEqual({ location: refused('expired'), cookie: '' })
    expect(await usersOf(addressOf(service, 'states'))).toEqual([])
    expect((await comeBack(back, mine.cookie)).location).toBe(`${portalUrl}/keys?page=2#top`)
  })

  test('a code works once, and the browser forgets what it carried', async () => {
    const { location, cookie } = await start(service)
    const back = await visitProvider(location, addressOf(service, 'replay'))
    const answer = await stage.call('GET', back.pathname + back.search, { cookie })
    expect(answer.headers.getSetCookie()).toContainEqual(expect.stringMatching(/^__Host-relay_oauth=; Max-Age=0/))
    expect(await comeBack(back, cookie)).toEqual({ location: refused('provider_failed'), cookie: '' })
  })

  test('what the provider refuses comes back as a page', async () => {
    for (const [error, told] of [
      ['access_denied', 'access_denied'],
      ['server_error', 'provider_failed'],
      ['<script>', 'provider_failed'],
    ]) {
      const { location, cookie } = await start(service)
      const state = new URL(location).searchParams.get('state') ?? ''
      const back = new URL(`${portalUrl}/api/auth/oauth/${service}/callback?${new URLSearchParams({ error: error ?? '', state })}`)
      expect((await comeBack(back, cookie)).location).toBe(refused(told ?? ''))
    }
  })

  test('who is signed in links an account there, and signs in by it afterwards', async () => {
    const person = await stage.person()
    const { both, back } = await link(service, 'link', person)
    expect((await comeBack(back, both)).location).toBe(`${portalUrl}/profile?tab=sign-in`)
    expect(await identitiesOf(person.userId)).toMatchObject([{ provider: service, email: addressOf(service, 'link') }])
    expect(stage.mails).toContainEqual({ kind: 'notice', userId: person.userId, notice: 'identity_linked' })
    await signIn(service, 'link')
    expect(await stage.db.select().from(sessions).where(eq(sessions.userId, person.userId))).toHaveLength(2)

    const again = await link(service, 'link', person)
    expect((await comeBack(again.back, again.both)).location).toBe(`${portalUrl}/profile?tab=sign-in`)
    const second = await link(service, 'other', person)
    expect((await comeBack(second.back, second.both)).location).toBe(`${portalUrl}/profile?tab=sign-in&error=already_linked`)
    const thief = await stage.person()
    const taken = await link(service, 'link', thief)
    expect((await comeBack(taken.back, taken.both)).location).toBe(`${portalUrl}/profile?tab=sign-in&error=identity_taken`)
    expect(await identitiesOf(thief.userId)).toEqual([])
  })

  test('an account is linked to the session that asked for it, and to no other', async () => {
    const [person, other] = [await stage.person(), await stage.person()]
    const { both, back } = await link(service, 'other', person)
    const flow = both.slice(person.cookie.length)
    for (const cookie of [`${other.cookie}${flow}`, flow.slice(2)])
      expect((await comeBack(back, cookie)).location).toBe(`${portalUrl}/profile?tab=sign-in&error=expired`)
    expect([...(await identitiesOf(person.userId)), ...(await identitiesOf(other.userId))]).toEqual([])
  })

  test('an account there is unlinked by a fresh session, unless it is the last way to sign in', async () => {
    const { cookie } = await signIn(service, 'leaver')
    const userId = (await usersOf(addressOf(service, 'leaver')))[0]?.id ?? ''
    const unlink = () => stage.call('DELETE', `/api/me/identities/${service}`, { cookie })
    expect(await unlink()).toMatchObject({ status: 409, json: { code: 'conflict' } })
    await stage.db.update(users).set({ passwordHash: 'scrypt$' }).where(eq(users.id, userId))
    expect((await unlink()).status).toBe(204)
    expect(await unlink()).toMatchObject({ status: 404 })
    expect(stage.mails).toContainEqual({ kind: 'notice', userId, notice: 'identity_unlinked' })
    await stage.db
      .update(sessions)
      .set({ authenticatedAt: new Date(0) })
      .where(eq(sessions.userId, userId))
    expect((await unlink()).status).toBe(403)
    expect(await stage.call('POST', `/api/me/identities/${service}`, { cookie, body: {} })).toMatchObject({ status: 403 })
  })
})

test('an address that Google does not manage may have passed to somebody else: its account is not entered', async () => {
  const userId = await addUser(addressOf('google', 'unmanaged'))
  expect((await signIn('google', 'unmanaged')).location).toBe(refused('account_exists'))
  expect(await identitiesOf(userId)).toEqual([])
})

test('one comes back to paths of the portal and nowhere else', async () => {
  const paths = [
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    'evil',
    '',
    '/\t/evil.example',
    '/a\nb',
    '/\u0000',
    '/ü',
  ]
  for (const path of [...paths, '/a\\b', `/${'a'.repeat(500)}`])
    expect((await stage.call('GET', `/api/auth/oauth/github/start?returnTo=${encodeURIComponent(path)}`)).status).toBe(400)
  for (const path of ['/', '/a//b', '/a?next=//evil.example', '/@evil.example', '/.//evil.example']) {
    const answer = await stage.call('GET', `/api/auth/oauth/github/start?returnTo=${encodeURIComponent(path)}`)
    expect(answer.status).toBe(302)
    expect(new URL(`${portalUrl}${path}`).origin).toBe(portalUrl)
  }
})

test('a provider that is not set up does not exist', async () => {
  const env = { ...stage.env }
  delete env.GOOGLE_CLIENT_ID
  expect(await (await apiApp.request('/api/auth/methods', {}, env)).json()).toEqual({ providers: ['github'] })
  expect((await stage.call('GET', '/api/auth/methods')).json).toEqual({ providers: ['github', 'google'] })
  for (const end of ['start', 'callback']) expect((await apiApp.request(`/api/auth/oauth/google/${end}`, {}, env)).status).toBe(404)
  expect((await stage.call('GET', '/api/auth/oauth/gitlab/start')).status).toBe(404)
})

test('a provider that does not answer is told by a page', async () => {
  const { location, cookie } = await start('github')
  const back = await visitProvider(location, addressOf('github', 'offline'))
  const env = { ...stage.env, GITHUB_URL: 'http://127.0.0.1:9', GOOGLE_URL: 'http://127.0.0.1:9' }
  const answer = await apiApp.request(back.pathname + back.search, { headers: { cookie } }, env)
  expect(answer.headers.get('location')).toBe(refused('provider_failed'))
  expect((await apiApp.request('/api/auth/oauth/google/start', {}, env)).headers.get('location')).toBe(refused('provider_failed'))
})
