import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { invitations, mailOutbox, memberships, organizations, users } from '#db/schema/index.ts'
import type { Role } from '#shared/access/roles.ts'
import { Invitation } from '#shared/contracts/api/invitations.ts'
import { newId } from '#shared/values/id.ts'
import { handOverDueMails } from '../crons/hand-over-mails.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { signMailLink } from '../identity/mail-links.ts'
import { atOnce } from '../testing/at-once.ts'
import { auditOf } from '../testing/audit-of.ts'
import { eventsOf } from '../testing/events-of.ts'
import { managementKeyOf } from '../testing/management-key-of.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.stop())

const at = (organizationId: string, rest = '') => `/api/organizations/${organizationId}/invitations${rest}`

async function owned(): Promise<[TestPerson, string]> {
  const owner = await stage.person()
  return [owner, await stage.organization([[owner, 'owner']])]
}

const invite = (organizationId: string, { cookie }: { cookie?: string }, email: string, role: Role = 'developer', bearer?: string) =>
  stage.call('POST', at(organizationId), { cookie, ...(bearer !== undefined && { bearer }), body: { email, role } })

/** An invitation of this person, and the secret in the link that is mailed. */
async function invited(organizationId: string, inviter: TestPerson, email: string, role: Role = 'developer') {
  const { invitationId } = Invitation.parse((await invite(organizationId, inviter, email, role)).json)
  return { invitationId, token: await signMailLink(stage.surroundings, invitationId) }
}

const preview = (token: string) => stage.call('POST', '/api/invitations/preview', { body: { token } })
const accept = ({ cookie }: TestPerson, token: string) => stage.call('POST', '/api/invitations/accept', { cookie, body: { token } })

async function rolesIn(organizationId: string, { userId }: TestPerson): Promise<string[]> {
  const { rows } = await stage.database.pool.query('select role from memberships where organization_id = $1 and user_id = $2', [
    organizationId,
    userId,
  ])
  return rows.map(({ role }) => role)
}

const pastMs = () => new Date(Date.now() - 1_000)

test('the invited address joins once, by the link that was mailed, with the role that it was invited to', async () => {
  const [owner, organizationId] = await owned()
  const guest = await stage.person()
  const { invitationId, token } = await invited(organizationId, owner, ` ${guest.email.toUpperCase()} `)
  expect(stage.mails).toContainEqual({ kind: 'invitation', invitationId })
  expect(await preview(token)).toMatchObject({
    status: 200,
    json: { organizationName: 'Test', role: 'developer', invitedBy: 'Test', email: 'u…@example.com' },
  })
  expect(await accept(guest, token)).toMatchObject({ status: 200, json: { organizationId, role: 'developer' } })
  expect(await rolesIn(organizationId, guest)).toEqual(['developer'])
  for (const spent of [await preview(token), await accept(guest, token)])
    expect(spent).toMatchObject({ status: 410, json: { code: 'link_spent' } })
  expect((await stage.call('GET', at(organizationId), { cookie: owner.cookie })).json).toEqual({ data: [] })
  const log = await auditOf(stage, organizationId)
  expect(log).toMatchObject([
    { actor: owner.userId, action: 'invitation.created', target: invitationId, after: { email: 'u…@example.com', role: 'developer' } },
    { actor: guest.userId, action: 'member.joined', target: guest.userId, after: { role: 'developer', invitationId } },
  ])
  expect(JSON.stringify(log)).not.toContain(guest.email)
  expect(await eventsOf(stage, organizationId)).toEqual([['member.added', { userId: guest.userId, role: 'developer' }]])
  expect(stage.nudges).toContainEqual({ organizationIds: [organizationId] })
})

test('of two acceptances at once one makes a member', async () => {
  const [owner, organizationId] = await owned()
  const guest = await stage.person()
  const { token } = await invited(organizationId, owner, guest.email)
  const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, [
    () => accept(guest, token),
    () => accept(guest, token),
  ])
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 410])
  expect(await rolesIn(organizationId, guest)).toEqual(['developer'])
})

describe('nobody joins', () => {
  test('with another address, or one that is not known to be theirs, and the answer does not tell the address', async () => {
    const [owner, organizationId] = await owned()
    const [guest, thief] = [await stage.person(), await stage.person()]
    const { token } = await invited(organizationId, owner, guest.email)
    const refused = await accept(thief, token)
    expect(refused).toMatchObject({ status: 403, json: { code: 'access_denied' } })
    expect(refused.text).not.toContain(guest.email)
    await stage.db.update(users).set({ emailVerifiedAt: null }).where(eq(users.id, guest.userId))
    expect((await accept(guest, token)).status).toBe(403)
    expect((await stage.call('POST', '/api/invitations/accept', { body: { token } })).status).toBe(401)
    expect([...(await rolesIn(organizationId, thief)), ...(await rolesIn(organizationId, guest))]).toEqual([])
    expect(await auditOf(stage, organizationId)).toHaveLength(1)
  })

  test('by a link that is forged, of another kind, expired, taken back, replaced, or of a deleted organization', async () => {
    const [owner, organizationId] = await owned()
    const guest = await stage.person()
    const replaced = await invited(organizationId, owner, guest.email, 'viewer')
    const { invitationId, token } = await invited(organizationId, owner, guest.email)
    const spent = async (link: string) => expect([(await preview(link)).status, (await accept(guest, link)).status]).toEqual([410, 410])
    await spent(replaced.token)
    await spent(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)
    await spent(token.replace(invitationId, replaced.invitationId))
    await spent(await signMailLink(stage.surroundings, newId('mtk')))
    const of = eq(invitations.id, invitationId)
    await stage.db.update(invitations).set({ expiresAt: pastMs() }).where(of)
    await spent(token)
    await stage.db
      .update(invitations)
      .set({ expiresAt: new Date(Date.now() + 60_000) })
      .where(of)
    await stage.db.update(organizations).set({ status: 'suspended', deletedAt: new Date() }).where(eq(organizations.id, organizationId))
    await spent(token)
    await stage.db.update(organizations).set({ deletedAt: null }).where(eq(organizations.id, organizationId))
    expect(await accept(guest, token)).toMatchObject({ status: 403, json: { code: 'organization_suspended' } })
    await stage.db.update(organizations).set({ status: 'active' }).where(eq(organizations.id, organizationId))
    expect((await stage.call('DELETE', at(organizationId, `/${invitationId}`), { cookie: owner.cookie })).status).toBe(204)
    await spent(token)
    expect(await rolesIn(organizationId, guest)).toEqual([])
  })

  test('by an invitation of somebody who may no longer give the role, until somebody who may sends it again', async () => {
    const [owner, organizationId] = await owned()
    const [inviter, guest, second] = [await stage.person(), await stage.person(), await stage.person()]
    await stage.db.insert(memberships).values({ organizationId, userId: inviter.userId, role: 'owner' })
    const { invitationId, token } = await invited(organizationId, inviter, guest.email, 'admin')
    const { keyId, bearer } = await managementKeyOf(stage, organizationId, 'admin')
    const ofKey = Invitation.parse((await invite(organizationId, {}, second.email, 'viewer', bearer)).json)
    expect(ofKey).toMatchObject({ status: 'open', invitedBy: null })
    await stage.db.update(memberships).set({ role: 'admin' }).where(eq(memberships.userId, inviter.userId))
    await stage.database.pool.query('update management_keys set revoked_at = now() where id = $1', [keyId])
    expect([(await preview(token)).status, (await accept(guest, token)).status]).toEqual([410, 410])
    expect((await accept(second, await signMailLink(stage.surroundings, ofKey.invitationId))).status).toBe(410)
    const listed = await stage.call('GET', at(organizationId), { cookie: owner.cookie })
    expect(listed.json).toMatchObject({ data: [{ status: 'lapsed' }, { invitationId, status: 'lapsed' }] })
    const resend = ({ cookie }: TestPerson) => stage.call('POST', at(organizationId, `/${invitationId}/resend`), { cookie })
    expect((await resend(inviter)).status).toBe(403)
    expect(await resend(owner)).toMatchObject({ status: 200, json: { status: 'open' } })
    expect(stage.mails.filter((mail) => mail.kind === 'invitation' && mail.invitationId === invitationId)).toHaveLength(2)
    expect((await accept(guest, token)).status).toBe(200)
  })

  test('whose inviter is demoted while the acceptance waits', async () => {
    const [owner, organizationId] = await owned()
    const [inviter, guest] = [await stage.person(), await stage.person()]
    await stage.db.insert(memberships).values({ organizationId, userId: inviter.userId, role: 'admin' })
    const { token } = await invited(organizationId, inviter, guest.email)
    const [demoted, accepted] = await atOnce(stage, { table: 'organizations', id: organizationId }, [
      () => stage.call('DELETE', `/api/organizations/${organizationId}/members/${inviter.userId}`, { cookie: owner.cookie }),
      () => accept(guest, token),
    ])
    expect(demoted?.status).toBe(204)
    // Whichever came first, the membership is what the answer says.
    expect(await rolesIn(organizationId, guest)).toEqual(accepted?.status === 200 ? ['developer'] : [])
    expect([200, 410]).toContain(accepted?.status)
  })
})

describe('an invitation', () => {
  test.each<[inviter: Role, role: Role, status: number]>([
    ['owner', 'owner', 201],
    ['owner', 'admin', 201],
    ['admin', 'billing_admin', 201],
    ['admin', 'admin', 403],
    ['admin', 'owner', 403],
    ['billing_admin', 'viewer', 403],
    ['developer', 'viewer', 403],
  ])('of %s to %s: %i', async (inviter, role, status) => {
    const person = await stage.person()
    const organizationId = await stage.organization([[person, inviter]])
    expect(await invite(organizationId, person, 'guest@example.com', role)).toMatchObject({ status })
    expect(await auditOf(stage, organizationId)).toHaveLength(status === 201 ? 1 : 0)
  })

  test('is taken back or sent again by those only who could have made it, and of another organization it is none', async () => {
    const [owner, organizationId] = await owned()
    const [stranger, elsewhere] = await owned()
    const admin = await stage.person()
    await stage.db.insert(memberships).values({ organizationId, userId: admin.userId, role: 'admin' })
    const { invitationId } = await invited(organizationId, owner, 'boss@example.com', 'owner')
    const both = async (where: string, { cookie }: TestPerson) => [
      (await stage.call('POST', at(where, `/${invitationId}/resend`), { cookie })).status,
      (await stage.call('DELETE', at(where, `/${invitationId}`), { cookie })).status,
    ]
    expect(await both(organizationId, admin)).toEqual([403, 403])
    expect(await both(elsewhere, stranger)).toEqual([404, 404])
    expect(await both(organizationId, stranger)).toEqual([404, 404])
    expect(await both(organizationId, owner)).toEqual([200, 204])
    expect(await both(organizationId, owner)).toEqual([404, 404])
    expect(await auditOf(stage, organizationId)).toMatchObject([
      { action: 'invitation.created' },
      { action: 'invitation.resent', before: { role: 'owner' }, after: { role: 'owner' } },
      { action: 'invitation.revoked', before: { email: 'b…@example.com', role: 'owner' }, after: null },
    ])
  })

  test('takes the place of an earlier one to the same address, also when two are sent at once', async () => {
    const [owner, organizationId] = await owned()
    const again = (role: Role) => () => invite(organizationId, owner, 'twice@example.com', role)
    const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, [again('viewer'), again('developer')])
    expect(answers.map(({ status }) => status)).toEqual([201, 201])
    const listed = await stage.call('GET', at(organizationId), { cookie: owner.cookie })
    expect(listed.json).toMatchObject({ data: [{ email: 'twice@example.com' }] })
    const log = await auditOf(stage, organizationId)
    expect(log).toMatchObject([{ after: {} }, { after: { replaces: expect.stringMatching(/^inv_/) } }])
  })

  test('to a member, to a personal organization, or beyond a hundred open ones is refused', async () => {
    const [owner, organizationId] = await owned()
    expect(await invite(organizationId, owner, owner.email)).toMatchObject({ status: 409 })
    for (const email of ['', 'a', 'a\u0000@example.com', `${'x'.repeat(250)}@example.com`])
      expect((await invite(organizationId, owner, email)).status).toBe(400)
    await stage.db.execute(sql`insert into invitations (id, organization_id, email, role, invited_by, expires_at)
      select ${organizationId} || n, ${organizationId}, n || '@example.com', 'viewer', ${owner.userId}, now() + interval '1 day' from generate_series(1, 100) n`)
    expect(await invite(organizationId, owner, 'one-more@example.com')).toMatchObject({ status: 409 })
    expect((await invite(organizationId, owner, '7@example.com')).status).toBe(201)
    await stage.db.update(organizations).set({ personal: true }).where(eq(organizations.id, organizationId))
    expect(await invite(organizationId, owner, 'guest@example.com')).toMatchObject({ status: 409 })
  })

  test('does not change what a member already is', async () => {
    const [owner, organizationId] = await owned()
    const guest = await stage.person()
    const { token } = await invited(organizationId, owner, guest.email, 'admin')
    await stage.db.insert(memberships).values({ organizationId, userId: guest.userId, role: 'viewer' })
    expect(await accept(guest, token)).toMatchObject({ status: 409 })
    expect(await rolesIn(organizationId, guest)).toEqual(['viewer'])
  })

  test('stands when its mail cannot be sent, which is sent later', async () => {
    const [owner, organizationId] = await owned()
    const { mail } = stage.surroundings
    const sending = mail.send
    mail.send = () => Promise.reject(new Error('the queue is away'))
    const { invitationId } = await invited(organizationId, owner, 'later@example.com').finally(() => {
      mail.send = sending
    })
    const isMailed = () => stage.mails.some((each) => each.kind === 'invitation' && each.invitationId === invitationId)
    expect(isMailed()).toBe(false)
    await stage.db.update(mailOutbox).set({ dueAt: new Date(0) })
    expect(await handOverDueMails(stage.surroundings)).toEqual({ queued: 1 })
    expect(isMailed()).toBe(true)
  })

  test('is sent fifty times an hour for one organization, from wherever, and no more', async () => {
    const [owner, organizationId] = await owned()
    const { invitationId } = await invited(organizationId, owner, 'often@example.com')
    const resend = () => stage.call('POST', at(organizationId, `/${invitationId}/resend`), { cookie: owner.cookie })
    const elsewhere = { ip: '203.0.113.50', account: organizationId }
    await Promise.all(Array.from({ length: 48 }, () => limitAttempts(stage.surroundings.redis, 'invitation', elsewhere)))
    expect((await resend()).status).toBe(200)
    const refused = await resend()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)])
    expect((await invite(organizationId, owner, 'another@example.com')).status).toBe(429)
  })
})
