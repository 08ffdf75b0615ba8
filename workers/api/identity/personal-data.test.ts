import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  apiKeys,
  auditLog,
  identities,
  invitations,
  ledgerPushes,
  mailOutbox,
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
import { eventsOf } from '../testing/events-of.ts'
import { addSealedSecret, furnishPerson, hashOf } from '../testing/furnish-person.ts'
import { type Answer, type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.stop())

const as = ({ cookie }: TestPerson, method: string, path = '', body?: unknown): Promise<Answer> =>
  stage.call(method, `/api/me${path}`, { cookie, ...(body !== undefined && { body }) })
const leave = (person: TestPerson, confirm = person.email) => as(person, 'DELETE', '', { confirm })

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

test('an account that is deleted takes along what was personal, and its address is told', async () => {
  const [person, owner] = [await stage.person(), await stage.person()]
  const organizationId = await stage.organization([
    [person, 'developer'],
    [owner, 'owner'],
  ])
  await furnishPerson(stage.db, person, organizationId)
  const { userId, email } = person
  await as(person, 'POST', '/email', { email: 'y@example.org' })
  expect(await leave(person, 'somebody@example.org')).toMatchObject({ status: 400, json: { errors: [{ pointer: '#/confirm' }] } })
  const gone = await leave(person, email.toUpperCase())
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

  const told = stage.mails.filter((mail) => mail.kind === 'notice' && mail.userId === userId)
  expect(told).toEqual([{ kind: 'notice', notice: 'account_deleted', userId, email }])
  const entries = await stage.db.select().from(auditLog).where(eq(auditLog.actorId, userId))
  expect(entries.map(({ chain, action }) => [chain, action])).toEqual(
    expect.arrayContaining([
      [organizationId, 'member.left'],
      [userId, 'user.deleted'],
    ]),
  )
  expect(JSON.stringify(entries)).not.toContain(email)
  expect(await eventsOf(stage, organizationId)).toEqual([['member.removed', { userId }]])
  expect(await stage.db.select().from(mailOutbox)).toEqual([])
  expect(await organizationOf(organizationId)).toMatchObject({ status: 'active', deletedAt: null })
  expect(stage.ledger.pushed.map((pushed) => pushed.organizationId)).not.toContain(organizationId)
})

test('an organization that nobody else is in goes with its person, and no key of it works any more', async () => {
  const person = await stage.person()
  const organizationId = await stage.organization([[person, 'owner']])
  await furnishPerson(stage.db, person, organizationId)
  const { userId } = person
  const expiresAt = new Date(Date.now() + 1_000_000)
  const invitation = { id: newId('inv'), email: 'x@example.org', role: 'viewer', invitedBy: userId, expiresAt } as const
  await stage.db.insert(invitations).values({ organizationId, ...invitation })
  const key = { id: newId('mgk'), name: 'K', role: 'admin', keyHash: hashOf(userId), redacted: 'rrm_...', createdBy: userId } as const
  await stage.db.insert(managementKeys).values({ organizationId, ...key })
  const credential = { id: newId('byk'), organizationId, provider: 'openai', name: 'Own', lastFour: 'abcd' }
  await stage.db.insert(providerCredentials).values(credential)
  await addSealedSecret(stage.db, { ownerTable: 'provider_credentials', ownerId: credential.id, organizationId })
  const { balanceVersion } = await organizationOf(organizationId)
  expect((await leave(person)).status).toBe(204)

  const ended = { status: 'suspended', deletedAt: expect.any(Date), balanceVersion: balanceVersion + 1 }
  expect(await organizationOf(organizationId)).toMatchObject(ended)
  for (const table of [apiKeys, managementKeys, invitations])
    expect(await stage.db.select().from(table).where(eq(table.organizationId, organizationId))).toMatchObject([
      { revokedAt: expect.any(Date) },
    ])
  for (const table of [secrets, providerCredentials])
    expect(await stage.db.select().from(table).where(eq(table.organizationId, organizationId))).toEqual([])
  expect(stage.ledger.pushed).toContainEqual(expect.objectContaining({ organizationId, status: 'suspended', keys: [] }))
  expect(await stage.db.select().from(ledgerPushes).where(eq(ledgerPushes.organizationId, organizationId))).toEqual([])
  const entries = await stage.db.select().from(auditLog).where(eq(auditLog.chain, organizationId))
  expect(entries.map(({ action }) => action)).toEqual(['member.left', 'organization.deleted'])
  // Nobody is left to be told.
  expect(await eventsOf(stage, organizationId)).toEqual([])
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
  const wanted = { email: person.email, password: 'glacier tulip 88 onyx', name: 'Again' }
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
  await furnishPerson(stage.db, person, organizationId)
  await furnishPerson(stage.db, other, organizationId)
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
