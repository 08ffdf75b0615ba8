import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memberships, organizations } from '#db/schema/index.ts'
import { type Role, roles } from '#shared/access/roles.ts'
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

const at = (organizationId: string, rest = '') => `/api/organizations/${organizationId}${rest}`

/** An organization with members of these roles, in their order. */
async function staffed<const Given extends Role[]>(
  ...given: Given
): Promise<{ organizationId: string; people: { [Index in keyof Given]: TestPerson } }> {
  const people = await Promise.all(given.map(() => stage.person()))
  const organizationId = await stage.organization(people.map((person, index) => [person, given[index] ?? 'viewer']))
  // One person was made for each role.
  return { organizationId, people: people as { [Index in keyof Given]: TestPerson } }
}

const changeRole = (organizationId: string, { cookie }: TestPerson, userId: string, role: string) =>
  stage.call('PATCH', at(organizationId, `/members/${userId}`), { cookie, body: { role } })
const remove = (organizationId: string, { cookie }: TestPerson, userId: string) =>
  stage.call('DELETE', at(organizationId, `/members/${userId}`), { cookie })
const leave = (organizationId: string, { cookie }: TestPerson) => stage.call('POST', at(organizationId, '/leave'), { cookie })
const transfer = (organizationId: string, { cookie }: TestPerson, userId: string) =>
  stage.call('POST', at(organizationId, '/transfer'), { cookie, body: { userId } })

async function rolesOf(organizationId: string): Promise<Role[]> {
  const rows = await stage.db.select().from(memberships).where(eq(memberships.organizationId, organizationId))
  return rows.map(({ role }) => role).sort()
}

test('members are listed page by page, and those below an admin learn of no whole address and of no visit', async () => {
  const { organizationId, people } = await staffed('owner', 'viewer')
  const [owner, viewer] = people
  const list = ({ cookie }: TestPerson, query = '') => stage.call('GET', at(organizationId, `/members${query}`), { cookie })
  const full = await list(owner)
  expect(full.json).toMatchObject({
    next: null,
    data: expect.arrayContaining([expect.objectContaining({ email: viewer.email, role: 'viewer', lastSeenAt: expect.any(String) })]),
  })
  const redacted = await list(viewer)
  expect(redacted.json).toMatchObject({
    data: [
      { email: 'u…@example.com', lastSeenAt: null },
      { email: 'u…@example.com', lastSeenAt: null },
    ],
  })
  for (const { email } of people) expect(redacted.text).not.toContain(email)
  const { next } = (await list(viewer, '?limit=1')).json as { next: string }
  expect((await list(viewer, `?limit=1&cursor=${next}`)).json).toMatchObject({ data: [expect.anything()], next: null })
  const { organizationId: another, people: others } = await staffed('owner')
  expect((await stage.call('GET', at(another, `/members?cursor=${next}`), { cookie: others[0].cookie })).status).toBe(400)
})

describe('a role', () => {
  test.each<[caller: Role, from: Role, to: Role, status: number]>([
    ['owner', 'viewer', 'owner', 200],
    ['owner', 'owner', 'viewer', 200],
    ['owner', 'admin', 'developer', 200],
    ['admin', 'viewer', 'billing_admin', 200],
    ['admin', 'viewer', 'admin', 403],
    ['admin', 'viewer', 'owner', 403],
    ['admin', 'admin', 'viewer', 403],
    ['admin', 'owner', 'viewer', 403],
    ['billing_admin', 'viewer', 'developer', 403],
    ['developer', 'viewer', 'viewer', 403],
    ['viewer', 'viewer', 'admin', 403],
  ])('%s makes %s %s: %i', async (caller, from, to, status) => {
    const { organizationId, people } = await staffed(caller, from)
    const [first, second] = people
    expect(await changeRole(organizationId, first, second.userId, to)).toMatchObject({ status })
    expect(await rolesOf(organizationId)).toEqual([caller, status === 200 ? to : from].sort())
    const change = { action: 'member.role_changed', target: second.userId, before: { role: from }, after: { role: to } }
    expect(await auditOf(stage, organizationId)).toEqual(status === 200 ? [{ actor: first.userId, ...change }] : [])
  })

  test('is raised by nobody for themselves, nor by a management key that nobody watches', async () => {
    const { organizationId, people } = await staffed('owner', 'admin')
    const [owner, admin] = people
    for (const role of roles) expect((await changeRole(organizationId, admin, admin.userId, role)).status).toBe(403)
    const { bearer } = await managementKeyOf(stage, organizationId, 'admin')
    const promote = (userId: string, role: Role) =>
      stage.call('PATCH', at(organizationId, `/members/${userId}`), { bearer, body: { role } })
    expect([(await promote(admin.userId, 'owner')).status, (await promote(owner.userId, 'viewer')).status]).toEqual([403, 403])
    expect((await changeRole(organizationId, owner, owner.userId, 'king')).status).toBe(400)
  })

  test('of the last owner stays, also when two owners demote each other at once', async () => {
    const { organizationId, people } = await staffed('owner', 'owner')
    const [first, second] = people
    const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, [
      () => changeRole(organizationId, first, second.userId, 'admin'),
      () => changeRole(organizationId, second, first.userId, 'admin'),
    ])
    // The second one asked as an owner and was an admin when its turn came.
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403])
    expect(await rolesOf(organizationId)).toEqual(['admin', 'owner'])
    const left = answers[0]?.status === 200 ? first : second
    expect(await changeRole(organizationId, left, left.userId, 'admin')).toMatchObject({ status: 409 })
    expect(await rolesOf(organizationId)).toEqual(['admin', 'owner'])
  })

  test('of two owners who step down at once, one stays', async () => {
    const { organizationId, people } = await staffed('owner', 'owner')
    const stepDown = people.map((person) => () => changeRole(organizationId, person, person.userId, 'viewer'))
    const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, stepDown)
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(await rolesOf(organizationId)).toEqual(['owner', 'viewer'])
  })
})

describe('a member', () => {
  test.each<[caller: Role, target: Role, status: number]>([
    ['owner', 'owner', 204],
    ['owner', 'admin', 204],
    ['admin', 'developer', 204],
    ['admin', 'billing_admin', 204],
    ['admin', 'admin', 403],
    ['admin', 'owner', 403],
    ['billing_admin', 'viewer', 403],
    ['viewer', 'viewer', 403],
  ])('is removed by %s as %s: %i', async (caller, target, status) => {
    const { organizationId, people } = await staffed(caller, target)
    const [first, second] = people
    expect((await remove(organizationId, first, second.userId)).status).toBe(status)
    expect((await stage.call('GET', at(organizationId), { cookie: second.cookie })).status).toBe(status === 204 ? 404 : 200)
    const change = { action: 'member.removed', target: second.userId, before: { role: target }, after: null }
    expect(await auditOf(stage, organizationId)).toEqual(status === 204 ? [{ actor: first.userId, ...change }] : [])
  })

  test('of another organization is none, whoever asks', async () => {
    const [mine, theirs] = [await staffed('owner'), await staffed('owner', 'viewer')]
    const [owner] = mine.people
    const victim = theirs.people[1]
    const refused = [
      await remove(mine.organizationId, owner, victim.userId),
      await changeRole(mine.organizationId, owner, victim.userId, 'admin'),
      await transfer(mine.organizationId, owner, victim.userId),
      await remove(theirs.organizationId, owner, victim.userId),
      await changeRole(theirs.organizationId, owner, victim.userId, 'admin'),
      await transfer(theirs.organizationId, owner, victim.userId),
      await leave(theirs.organizationId, owner),
      await remove(mine.organizationId, owner, 'usr_%00'),
    ]
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 404))
    expect(await rolesOf(theirs.organizationId)).toEqual(['owner', 'viewer'])
  })

  test('leaves, also a suspended organization, unless there is no other owner', async () => {
    const { organizationId, people } = await staffed('owner', 'owner', 'billing_admin')
    const [first, second, third] = people
    await stage.db.update(organizations).set({ status: 'suspended' }).where(eq(organizations.id, organizationId))
    expect((await remove(organizationId, first, third.userId)).status).toBe(403)
    expect((await leave(organizationId, third)).status).toBe(204)
    const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, [
      () => leave(organizationId, first),
      () => leave(organizationId, second),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409])
    expect(await rolesOf(organizationId)).toEqual(['owner'])
    expect(await auditOf(stage, organizationId)).toHaveLength(2)
    const [gone] = [first, second].filter((_, index) => answers[index]?.status === 204)
    expect(await eventsOf(stage, organizationId)).toEqual([
      ['member.removed', { userId: third.userId }],
      ['member.removed', { userId: gone?.userId }],
    ])
  })

  test('removed while a request of theirs waits does nothing more', async () => {
    const { organizationId, people } = await staffed('owner', 'admin', 'viewer')
    const [owner, admin, viewer] = people
    const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, [
      () => remove(organizationId, owner, admin.userId),
      () => remove(organizationId, admin, viewer.userId),
    ])
    // Whichever came first: the admin's removal holds for all that waited behind it.
    const [{ status: first } = { status: 0 }, { status: second } = { status: 0 }] = answers
    expect(first).toBe(204)
    expect(await eventsOf(stage, organizationId)).toContainEqual(['member.removed', { userId: admin.userId }])
    expect([204, 404]).toContain(second)
    expect(await rolesOf(organizationId)).toEqual(second === 204 ? ['owner'] : ['owner', 'viewer'])
  })
})

describe('an organization is transferred', () => {
  test('to a member, by an owner who is an admin from then on', async () => {
    const { organizationId, people } = await staffed('owner', 'developer')
    const [owner, developer] = people
    expect((await transfer(organizationId, owner, developer.userId)).status).toBe(204)
    expect(await rolesOf(organizationId)).toEqual(['admin', 'owner'])
    const { rows } = await stage.database.pool.query('select role from memberships where user_id = $1', [developer.userId])
    expect(rows).toEqual([{ role: 'owner' }])
    const [before, after] = [
      { [owner.userId]: 'owner', [developer.userId]: 'developer' },
      { [owner.userId]: 'admin', [developer.userId]: 'owner' },
    ]
    const change = { action: 'organization.transferred', target: organizationId, before, after }
    expect(await auditOf(stage, organizationId)).toEqual([{ actor: owner.userId, ...change }])
  })

  test('not to oneself, nor by an admin, a management key, or long after the sign-in', async () => {
    const { organizationId, people } = await staffed('owner', 'admin')
    const [owner, admin] = people
    const stale = await stage.person({ authenticatedAtMs: Date.now() - 11 * 60_000 })
    await stage.db.insert(memberships).values({ organizationId, userId: stale.userId, role: 'owner' })
    const { bearer } = await managementKeyOf(stage, organizationId, 'admin')
    const statuses = [
      (await transfer(organizationId, owner, owner.userId)).status,
      (await transfer(organizationId, admin, admin.userId)).status,
      (await transfer(organizationId, stale, admin.userId)).status,
      (await stage.call('POST', at(organizationId, '/transfer'), { bearer, body: { userId: admin.userId } })).status,
    ]
    expect(statuses).toEqual([409, 403, 403, 403])
    expect(await rolesOf(organizationId)).toEqual(['admin', 'owner', 'owner'])
  })

  test('to one of two members, when both are named at once', async () => {
    const { organizationId, people } = await staffed('owner', 'admin', 'viewer')
    const [owner, admin, viewer] = people
    const requests = [admin, viewer].map(
      ({ userId }) =>
        () =>
          transfer(organizationId, owner, userId),
    )
    const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, requests)
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 403])
    expect((await rolesOf(organizationId)).filter((role) => role === 'owner')).toHaveLength(1)
  })
})
