import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditLog, mailTokens, memberships, organizations, sessions, users } from '#db/schema/index.ts'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
import { furnishPerson } from '../testing/furnish-person.ts'
import { type Answer, type Stage, setStage, type TestPerson } from '../testing/stage.ts'
import { signMailLink } from './mail-links.ts'
import { hashPassword, verifyPassword } from './passwords.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.stop())

const password = 'glacier tulip 88 onyx'
const as = ({ cookie }: TestPerson, method: string, path = '', body?: unknown): Promise<Answer> =>
  stage.call(method, `/api/me${path}`, { cookie, ...(body !== undefined && { body }) })
const leave = (person: TestPerson, confirm = person.email) => as(person, 'DELETE', '', { confirm })
const stale = () => stage.person({ authenticatedAtMs: Date.now() - 11 * 60_000 })
const noticesTo = (userId: string) => stage.mails.filter((mail) => mail.kind === 'notice' && mail.userId === userId)

async function userOf({ userId }: TestPerson) {
  const [user] = await stage.db.select().from(users).where(eq(users.id, userId))
  assert(user, 'there is such a person')
  return user
}

/** The secret of the newest link of a person, for who can read the mail. */
async function linkOf({ userId }: TestPerson): Promise<string> {
  const rows = await stage.db.select().from(mailTokens).where(eq(mailTokens.userId, userId))
  const id =
    rows
      .map((row) => row.id)
      .sort()
      .at(-1) ?? ''
  expect(stage.mails).toContainEqual({ kind: 'link', tokenId: id })
  return signMailLink(stage.surroundings, id)
}
const confirmEmail = async (person: TestPerson) => stage.call('POST', '/api/auth/confirm-email', { body: { token: await linkOf(person) } })

async function anotherSession({ userId }: TestPerson): Promise<string> {
  const id = newId('ses')
  const expiresAt = new Date(Date.now() + 86_400_000)
  await stage.db.insert(sessions).values({ id, userId, method: 'password', secondFactor: false, ip: '::1', userAgent: 'other', expiresAt })
  return id
}
async function isLiving(sessionId: string): Promise<boolean> {
  const [row] = await stage.db.select().from(sessions).where(eq(sessions.id, sessionId))
  return row?.revokedAt === null
}

test('a person sees who they are, what they have and where they belong', async () => {
  const person = await stage.person({ secondFactor: true })
  const [organizationId, gone] = [await stage.organization([[person, 'developer']]), await stage.organization([[person, 'owner']])]
  await stage.db.update(organizations).set({ status: 'suspended', deletedAt: new Date() }).where(eq(organizations.id, gone))
  await furnishPerson(stage.db, person, organizationId)
  const { userId, sessionId, email } = person
  expect(await as(person, 'GET')).toMatchObject({
    status: 200,
    json: {
      userId,
      email,
      isEmailVerified: true,
      name: 'Test',
      hasPassword: true,
      twoFactor: { enabled: true, recoveryCodesLeft: 1 },
      passkeys: 1,
      identities: [{ provider: 'github', email }],
      organizations: [{ organizationId, name: 'Test', personal: false, status: 'active', requireTwoFactor: false, role: 'developer' }],
      currentOrganizationId: null,
      session: { sessionId, hasSecondFactor: true },
    },
  })
  expect((await stage.call('GET', '/api/me')).status).toBe(401)
})

test('a person changes their name, and the audit log tells that without the name', async () => {
  const person = await stage.person()
  expect(await as(person, 'PATCH', '', { name: 'Grace Hopper' })).toMatchObject({ status: 200, json: { name: 'Grace Hopper' } })
  const entries = await stage.db.select().from(auditLog).where(eq(auditLog.chain, person.userId))
  expect(entries).toMatchObject([{ action: 'user.renamed', actorId: person.userId, before: null, after: null }])
  for (const name of ['', 'a\u0000', '\udfff', 'x'.repeat(121), null, 7]) expect((await as(person, 'PATCH', '', { name })).status).toBe(400)
})

test('a person chooses an organization that they belong to, and no other', async () => {
  const [person, stranger] = [await stage.person(), await stage.person()]
  const [own, foreign] = [await stage.organization([[person, 'viewer']]), await stage.organization([[stranger, 'owner']])]
  expect((await as(person, 'PUT', '/current-organization', { organizationId: own })).status).toBe(204)
  for (const organizationId of [foreign, newId('org')])
    expect(await as(person, 'PUT', '/current-organization', { organizationId })).toMatchObject({ status: 404, json: { code: 'not_found' } })
  expect(await as(person, 'GET')).toMatchObject({ json: { currentOrganizationId: own } })
  await stage.db.delete(memberships).where(eq(memberships.userId, person.userId))
  expect(await as(person, 'GET')).toMatchObject({ json: { currentOrganizationId: null, organizations: [] } })
})

test('a new address counts once it has received the link, and the old one is told', async () => {
  const person = await stage.person()
  const email = `new-${person.email}`
  expect(await as(person, 'POST', '/email', { email })).toMatchObject({ status: 202, json: { status: 'mail_sent' } })
  expect((await userOf(person)).email).toBe(person.email)
  const [token] = await stage.db.select().from(mailTokens).where(eq(mailTokens.userId, person.userId))
  expect(token).toMatchObject({ purpose: 'change_email', email, usedAt: null })
  expect((await confirmEmail(person)).status).toBe(204)
  expect((await userOf(person)).email).toBe(email)
  expect(noticesTo(person.userId)).toEqual([{ kind: 'notice', notice: 'email_changed', userId: person.userId, email: person.email }])
  expect(await confirmEmail(person)).toMatchObject({ status: 410 })
})

test('whether an address is taken is told to nobody but its owner, and then the account keeps its own', async () => {
  const [person, other] = [await stage.person(), await stage.person()]
  expect(await as(person, 'POST', '/email', { email: other.email })).toMatchObject({ status: 202, json: { status: 'mail_sent' } })
  expect(await confirmEmail(person)).toMatchObject({ status: 409, json: { code: 'conflict' } })
  expect((await userOf(person)).email).toBe(person.email)
})

test('a new password needs the current one, ends the other sessions and the links that were mailed, and is told by mail', async () => {
  const person = await stage.person()
  await stage.db
    .update(users)
    .set({ passwordHash: await hashPassword(password) })
    .where(eq(users.id, person.userId))
  const other = await anotherSession(person)
  await as(person, 'POST', '/email', { email: `thief-${person.email}` })
  for (const currentPassword of [undefined, 'not the one at all'])
    expect(await as(person, 'PUT', '/password', { currentPassword, newPassword: `${password}!` })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '#/currentPassword' }] },
    })
  expect(await as(person, 'PUT', '/password', { currentPassword: password, newPassword: 'iloveyou1234' })).toMatchObject({
    json: { errors: [{ pointer: '#/newPassword' }] },
  })
  expect(await isLiving(other)).toBe(true)
  const wanted = { currentPassword: password, newPassword: `${password}!` }
  const both = await Promise.all([as(person, 'PUT', '/password', wanted), as(person, 'PUT', '/password', wanted)])
  expect(both.map(({ status }) => status).sort()[0]).toBe(204)
  expect(await verifyPassword(wanted.newPassword, (await userOf(person)).passwordHash)).toBe(true)
  expect([await isLiving(other), await isLiving(person.sessionId)]).toEqual([false, true])
  expect(await confirmEmail(person)).toMatchObject({ status: 410 })
  expect(noticesTo(person.userId)).toContainEqual({ kind: 'notice', notice: 'password_changed', userId: person.userId })
})

test('who has no password sets the first', async () => {
  const person = await stage.person()
  expect((await as(person, 'PUT', '/password', { newPassword: password })).status).toBe(204)
  expect(await verifyPassword(password, (await userOf(person)).passwordHash)).toBe(true)
})

test('the address, the password and the end of an account need a fresh sign-in', async () => {
  const person = await stale()
  const answers = [
    await as(person, 'POST', '/email', { email: 'x@example.org' }),
    await as(person, 'PUT', '/password', { newPassword: password }),
    await leave(person),
  ]
  for (const answer of answers) expect(answer).toMatchObject({ status: 403, json: { code: 'fresh_sign_in_required' } })
  expect((await userOf(person)).deletedAt).toBeNull()
})
