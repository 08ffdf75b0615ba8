import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey } from '#db/queries/create-api-key.ts'
import {
  apiKeys,
  auditLog,
  identities,
  invitations,
  ledgerPushes,
  mailTokens,
  managementKeys,
  memberships,
  organizations,
  passkeys,
  providerCredentials,
  recoveryCodes,
  secrets,
  sessions,
  users,
} from '#db/schema/index.ts'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
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

async function organizationOf(organizationId: string) {
  const [row] = await stage.db.select().from(organizations).where(eq(organizations.id, organizationId))
  assert(row, 'there is such an organization')
  return row
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

/** Something in every table that knows of people, each with a secret by which it would be found again. */
async function furnish(person: TestPerson, organizationId: string): Promise<void> {
  const { userId } = person
  await stage.db
    .update(users)
    .set({ passwordHash: 'scrypt$canary', totpEnabledAt: new Date(), totpLastStep: 1 })
    .where(eq(users.id, userId))
  const passkey = {
    id: newId('pky'),
    userId,
    name: 'Laptop',
    credentialId: `canary-${userId}`,
    publicKey: 'canary',
    counter: 0,
    backedUp: true,
  }
  await stage.db.insert(passkeys).values(passkey)
  await stage.db.insert(identities).values({ provider: 'github', subject: userId, userId, email: person.email })
  await stage.db.insert(recoveryCodes).values([
    { userId, codeHash: 'canary-1' },
    { userId, codeHash: 'canary-2', usedAt: new Date() },
  ])
  await sealed('users', userId, null)
  const key = { keyId: newId('key'), organizationId, name: 'Key', keyHash: hashOf(userId), redacted: 'rr_...abcd' }
  await createApiKey(stage.db, key)
  await stage.db.update(apiKeys).set({ createdBy: userId }).where(eq(apiKeys.id, key.keyId))
}

function sealed(ownerTable: string, ownerId: string, organizationId: string | null) {
  const row = { purpose: 'totp', version: 1, kek: 'local', kekId: 'test', wrappedDek: 'w'.repeat(90), sealed: 'canary'.repeat(10) } as const
  return stage.db.insert(secrets).values({ ownerTable, ownerId, organizationId, ...row })
}

/** 64 digits of hex that no other owner has. */
function hashOf(owner: string): string {
  return Buffer.from(owner).toString('hex').padEnd(64, '0').slice(-64)
}

test('a person sees who they are, what they have and where they belong', async () => {
  const person = await stage.person({ secondFactor: true })
  const [organizationId, gone] = [await stage.organization([[person, 'developer']]), await stage.organization([[person, 'owner']])]
  await stage.db.update(organizations).set({ status: 'suspended', deletedAt: new Date() }).where(eq(organizations.id, gone))
  await furnish(person, organizationId)
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
  for (const currentPassword of [undefined, '', 'not the one at all'])
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

test('the last owner of an organization with other members cannot go until another owns it', async () => {
  const [person, member] = [await stage.person(), await stage.person()]
  const organizationId = await stage.organization([
    [person, 'owner'],
    [member, 'admin'],
  ])
  const alone = await stage.organization([[person, 'owner']])
  const refused = await leave(person)
  expect(refused).toMatchObject({ status: 409, json: { code: 'conflict' } })
  expect(refused.text).toContain(organizationId)
  expect(refused.text).not.toContain(alone)
  expect((await userOf(person)).deletedAt).toBeNull()
  expect((await organizationOf(alone)).deletedAt).toBeNull()
  await stage.db.update(memberships).set({ role: 'owner' }).where(eq(memberships.userId, member.userId))
  expect((await leave(person)).status).toBe(204)
  expect(await organizationOf(organizationId)).toMatchObject({ status: 'active', deletedAt: null })
  expect(await organizationOf(alone)).toMatchObject({ status: 'suspended' })
})

test('of two last owners who go at once, one stays', async () => {
  const [one, two, member] = [await stage.person(), await stage.person(), await stage.person()]
  await stage.organization([
    [one, 'owner'],
    [two, 'owner'],
    [member, 'viewer'],
  ])
  const answers = await Promise.all([leave(one), leave(two)])
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 409])
})

test('an account that is deleted takes along what was personal, and the organizations that nobody else is in', async () => {
  const [person, owner] = [await stage.person(), await stage.person()]
  const alone = await stage.organization([[person, 'owner']])
  const shared = await stage.organization([
    [person, 'developer'],
    [owner, 'owner'],
  ])
  await furnish(person, alone)
  const { userId } = person
  const expiresAt = new Date(Date.now() + 1_000_000)
  const invitation = {
    id: newId('inv'),
    organizationId: alone,
    email: 'x@example.org',
    role: 'viewer',
    invitedBy: userId,
    expiresAt,
  } as const
  await stage.db.insert(invitations).values(invitation)
  const managementKey = {
    id: newId('mgk'),
    organizationId: alone,
    name: 'K',
    role: 'admin',
    keyHash: hashOf(userId),
    redacted: 'rrm_...',
    createdBy: userId,
  } as const
  await stage.db.insert(managementKeys).values(managementKey)
  const credential = { id: newId('byk'), organizationId: alone, provider: 'openai', name: 'Own', lastFour: 'abcd' }
  await stage.db.insert(providerCredentials).values(credential)
  await sealed('provider_credentials', credential.id, alone)
  await as(person, 'POST', '/email', { email: 'y@example.org' })
  const { balanceVersion } = await organizationOf(alone)

  expect(await leave(person, 'somebody@example.org')).toMatchObject({ status: 400, json: { errors: [{ pointer: '#/confirm' }] } })
  const gone = await leave(person, person.email.toUpperCase())
  expect(gone.status).toBe(204)
  expect(gone.headers.getSetCookie().join()).toMatch(/__Host-relay_access=;.*Max-Age=0/)
  expect((await as(person, 'GET')).status).toBe(401)

  const empty = { email: null, name: 'Deleted user', passwordHash: null, emailVerifiedAt: null, totpEnabledAt: null, totpLastStep: null }
  expect(await userOf(person)).toMatchObject({ ...empty, currentOrganizationId: null, deletedAt: expect.any(Date) })
  for (const table of [memberships, passkeys, identities, recoveryCodes, mailTokens])
    expect(await stage.db.select().from(table).where(eq(table.userId, userId))).toEqual([])
  expect(await stage.db.select().from(secrets).where(eq(secrets.ownerId, userId))).toEqual([])
  const [session] = await stage.db.select().from(sessions).where(eq(sessions.userId, userId))
  expect(session).toMatchObject({ revokedAt: expect.any(Date), ip: '', userAgent: '' })

  expect(await organizationOf(alone)).toMatchObject({
    status: 'suspended',
    deletedAt: expect.any(Date),
    balanceVersion: balanceVersion + 1,
  })
  for (const table of [apiKeys, managementKeys, invitations])
    expect(await stage.db.select().from(table).where(eq(table.organizationId, alone))).toMatchObject([{ revokedAt: expect.any(Date) }])
  expect(await stage.db.select().from(secrets).where(eq(secrets.organizationId, alone))).toEqual([])
  expect(await stage.db.select().from(providerCredentials).where(eq(providerCredentials.organizationId, alone))).toEqual([])
  expect(stage.ledger.pushed).toContainEqual(expect.objectContaining({ organizationId: alone, status: 'suspended', keys: [] }))
  expect(stage.ledger.pushed.map(({ organizationId }) => organizationId)).not.toContain(shared)

  expect(noticesTo(userId)).toEqual([{ kind: 'notice', notice: 'account_deleted', userId, email: person.email }])
  const entries = await stage.db.select().from(auditLog).where(eq(auditLog.actorId, userId))
  expect(entries.map(({ chain, action }) => [chain, action])).toEqual(
    expect.arrayContaining([
      [alone, 'organization.deleted'],
      [shared, 'member.left'],
      [userId, 'user.deleted'],
    ]),
  )
  expect(JSON.stringify(entries)).not.toContain(person.email)
})

test('an organization that went with its owner is told to the ledger later, when it cannot be now', async () => {
  const person = await stage.person()
  const organizationId = await stage.organization([[person, 'owner']])
  stage.ledger.broken = true
  expect((await leave(person)).status).toBe(204)
  stage.ledger.broken = false
  expect(await stage.db.select().from(ledgerPushes).where(eq(ledgerPushes.organizationId, organizationId))).toHaveLength(1)
})

test('the address of a deleted account is free', async () => {
  const person = await stage.person()
  await leave(person)
  const wanted = { email: person.email, password, name: 'Again' }
  expect((await stage.call('POST', '/api/auth/sign-up', { body: wanted })).status).toBe(202)
  const found = await stage.db.select().from(users).where(eq(users.email, person.email))
  expect(found.map(({ id }) => id)).not.toContain(person.userId)
  expect(found).toHaveLength(1)
})

test('the export holds all about the person, nothing about others, and no secret or hash', async () => {
  const [person, other] = [await stage.person(), await stage.person()]
  const organizationId = await stage.organization([
    [person, 'owner'],
    [other, 'viewer'],
  ])
  await furnish(person, organizationId)
  await furnish(other, organizationId)
  const expiresAt = new Date(Date.now() + 1_000_000)
  const invitation = { id: newId('inv'), organizationId, email: person.email, role: 'viewer', invitedBy: other.userId, expiresAt } as const
  await stage.db.insert(invitations).values(invitation)
  for (const each of [person, other]) {
    await as(each, 'PATCH', '', { name: `Named ${each.userId}` })
    await as(each, 'POST', '/email', { email: `new-${each.email}` })
  }
  const answer = await as(person, 'GET', '/export')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="account.json"')
  const { userId, email, sessionId } = person
  expect(answer.json).toMatchObject({
    profile: { userId, email, name: `Named ${userId}`, hasPassword: true },
    organizations: [{ organizationId, role: 'owner' }],
    sessions: [{ sessionId, method: 'password', ip: '203.0.113.7', userAgent: 'test' }],
    passkeys: [{ name: 'Laptop', backedUp: true }],
    identities: [{ provider: 'github', subject: userId }],
    invitations: [{ invitationId: invitation.id, organizationId }],
    mailLinks: [{ purpose: 'change_email', email: `new-${email}` }],
    apiKeys: [{ organizationId, name: 'Key', redacted: 'rr_...abcd' }],
    auditEntries: [{ action: 'mail_link.requested' }, { action: 'user.renamed' }],
  })
  for (const secret of ['canary', 'scrypt', hashOf(userId)]) expect(answer.text).not.toContain(secret)
  for (const foreign of [other.userId, other.email, other.sessionId]) expect(answer.text).not.toContain(foreign)
})

test('what one person did anywhere is found by an index, however long the log', async () => {
  const plan = await stage.db.transaction(async (tx) => {
    await tx.execute(sql`set local enable_seqscan = off`)
    return tx.execute(sql`explain select * from audit_log where actor_id = 'usr_x' and actor_type = 'user' order by at desc limit 10`)
  })
  expect(JSON.stringify(plan)).toContain('audit_log_actor_anywhere')
})
