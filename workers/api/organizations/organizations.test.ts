import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postEntry } from '#db/queries/post-entry.ts'
import { memberships, organizations, users } from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import { atOnce } from '../testing/at-once.ts'
import { auditOf } from '../testing/audit-of.ts'
import { managementKeyOf } from '../testing/management-key-of.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.stop())

const at = (organizationId: string, rest = '') => `/api/organizations/${organizationId}${rest}`
const long = 11 * 60_000

/** An owner with an organization of theirs. */
async function owned(options: Parameters<Stage['person']>[0] = {}): Promise<[TestPerson, string]> {
  const owner = await stage.person(options)
  return [owner, await stage.organization([[owner, 'owner']])]
}

function credit(organizationId: string, amountNanos: number) {
  const kind = amountNanos < 0 ? 'debit' : 'credit'
  return postEntry(stage.db, { organizationId, amountNanos, kind, eventId: newId('crd'), reason: null })
}

describe('an organization is made', () => {
  test('by a person who owns it then, and reads it in a list of their own, page by page', async () => {
    const [person, other] = [await stage.person(), await stage.person()]
    const made = await stage.call('POST', '/api/organizations', { cookie: person.cookie, body: { name: ' First ' } })
    expect(made).toMatchObject({ status: 201, json: { name: 'First', role: 'owner', personal: false, status: 'active' } })
    const second = await stage.organization([[person, 'viewer']])
    await stage.db
      .update(organizations)
      .set({ deletedAt: new Date(), status: 'suspended' })
      .where(eq(organizations.id, await stage.organization([[person, 'owner']])))
    await stage.organization([[other, 'owner']])
    const page = (query: string) => stage.call('GET', `/api/organizations?${query}`, { cookie: person.cookie })
    const first = await page('limit=1')
    const { organizationId } = made.json as { organizationId: string }
    expect(first.json).toMatchObject({ data: [{ organizationId, role: 'owner' }], next: expect.any(String) })
    const { next } = first.json as { next: string }
    expect((await page(`limit=1&cursor=${next}`)).json).toMatchObject({ data: [{ organizationId: second, role: 'viewer' }], next: null })
    expect(await stage.call('GET', `/api/organizations?cursor=${next}`, { cookie: other.cookie })).toMatchObject({ status: 400 })
    expect(await page(`cursor=${next.slice(1)}`)).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(await auditOf(stage, organizationId)).toEqual([
      {
        actor: person.userId,
        action: 'organization.created',
        target: organizationId,
        before: null,
        after: { name: 'First', owner: person.userId },
      },
    ])
  })

  test('not by one whose address is not verified, nor under a name that could not be kept', async () => {
    const person = await stage.person()
    const create = (name: string) => stage.call('POST', '/api/organizations', { cookie: person.cookie, body: { name } })
    for (const name of ['', ' ', 'a\u0000b', 'a\ud800', '\u202e', 'x'.repeat(121)]) expect((await create(name)).status).toBe(400)
    await stage.db.update(users).set({ emailVerifiedAt: null }).where(eq(users.id, person.userId))
    expect(await create('Mine')).toMatchObject({ status: 403, json: { code: 'access_denied' } })
  })

  test('up to twenty times by one person, also when the last two are asked for at once', async () => {
    const person = await stage.person()
    await stage.db.execute(sql`insert into organizations (id, name) select ${person.userId} || n, 'x' from generate_series(1, 19) n`)
    await stage.db.execute(sql`insert into memberships (organization_id, user_id, role)
      select ${person.userId} || n, ${person.userId}, 'owner' from generate_series(1, 19) n`)
    const create = () => stage.call('POST', '/api/organizations', { cookie: person.cookie, body: { name: 'One more' } })
    const answers = await atOnce(stage, { table: 'users', id: person.userId }, [create, create])
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
  })
})

test('a new name is recorded with the one before, and is not for those who may not give it', async () => {
  const [owner, organizationId] = await owned()
  const [developer, stranger] = [await stage.person(), await stage.person()]
  await stage.db.insert(memberships).values({ organizationId, userId: developer.userId, role: 'developer' })
  const rename = ({ cookie }: TestPerson) => stage.call('PATCH', at(organizationId), { cookie, body: { name: 'New' } })
  expect([(await rename(developer)).status, (await rename(stranger)).status]).toEqual([403, 404])
  expect(await rename(owner)).toMatchObject({ status: 200, json: { name: 'New', role: 'owner' } })
  const change = { action: 'organization.renamed', target: organizationId, before: { name: 'Test' }, after: { name: 'New' } }
  expect(await auditOf(stage, organizationId)).toEqual([{ actor: owner.userId, ...change }])
})

describe('an organization is deleted', () => {
  const remove = (organizationId: string, { cookie }: TestPerson, body: object = { confirm: 'Test' }) =>
    stage.call('DELETE', at(organizationId), { cookie, body })

  test('by its owner, who has signed in a moment ago and names it', async () => {
    const [owner, organizationId] = await owned()
    const [stale, staleOne] = await owned({ authenticatedAtMs: Date.now() - long })
    const admin = await stage.person()
    await stage.db.insert(memberships).values({ organizationId, userId: admin.userId, role: 'admin' })
    expect(await remove(staleOne, stale)).toMatchObject({ status: 403, json: { code: 'fresh_sign_in_required' } })
    expect(await remove(organizationId, admin)).toMatchObject({ status: 403, json: { code: 'access_denied' } })
    expect(await remove(organizationId, stale)).toMatchObject({ status: 404 })
    expect(await remove(organizationId, owner, { confirm: 'test' })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '#/confirm' }] },
    })
    expect(await auditOf(stage, organizationId)).toEqual([])
    expect(await remove(organizationId, owner)).toMatchObject({ status: 204 })
    for (const person of [owner, admin]) expect((await stage.call('GET', at(organizationId), { cookie: person.cookie })).status).toBe(404)
    expect(await auditOf(stage, organizationId)).toMatchObject([
      { actor: owner.userId, action: 'organization.deleted', after: { membersRemoved: 2 } },
    ])
    expect(stage.ledger.pushed.filter((snapshot) => snapshot.organizationId === organizationId)).toMatchObject([
      { status: 'suspended', version: 2 },
    ])
  })

  test('not while it owes, and with credit only when that is given up', async () => {
    const [owner, organizationId] = await owned()
    await credit(organizationId, -20_000_000)
    expect(await remove(organizationId, owner, { confirm: 'Test', forfeitBalance: true })).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining('$0.02') },
    })
    await credit(organizationId, 50_000_000)
    expect(await remove(organizationId, owner)).toMatchObject({ status: 409, json: { detail: expect.stringContaining('$0.03') } })
    expect(await auditOf(stage, organizationId)).toEqual([])
    expect((await remove(organizationId, owner, { confirm: 'Test', forfeitBalance: true })).status).toBe(204)
    expect(await auditOf(stage, organizationId)).toMatchObject([{ before: { balanceNanos: 30_000_000 } }])
  })

  test('not when it is the personal one of its member, who can neither leave it nor give it away', async () => {
    const [owner, organizationId] = await owned()
    const other = await stage.person()
    await stage.db.update(organizations).set({ personal: true }).where(eq(organizations.id, organizationId))
    const { cookie } = owner
    const refused = [
      await remove(organizationId, owner),
      await stage.call('POST', at(organizationId, '/leave'), { cookie }),
      await stage.call('POST', at(organizationId, '/transfer'), { cookie, body: { userId: other.userId } }),
    ]
    expect(refused.map(({ status }) => status)).toEqual([409, 409, 409])
    expect(await auditOf(stage, organizationId)).toEqual([])
  })

  test('once, when two owners do so at once; and its ledger object hears of it later when it is away', async () => {
    const [owner, organizationId] = await owned()
    const second = await stage.person()
    await stage.db.insert(memberships).values({ organizationId, userId: second.userId, role: 'owner' })
    stage.ledger.broken = true
    const requests = [owner, second].map((person) => () => remove(organizationId, person))
    const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, requests).finally(() => {
      stage.ledger.broken = false
    })
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404])
    const { rows } = await stage.database.pool.query('select version::int from ledger_pushes where organization_id = $1', [organizationId])
    expect(rows).toEqual([{ version: 2 }])
  })
})

describe('a second factor is required', () => {
  const require = (organizationId: string, { cookie }: TestPerson, required: boolean) =>
    stage.call('PUT', at(organizationId, '/two-factor'), { cookie, body: { required } })

  test('by an owner who used one, and from then on of every member, who may still leave', async () => {
    const [owner, organizationId] = await owned({ secondFactor: true })
    const viewer = await stage.person()
    await stage.db.insert(memberships).values({ organizationId, userId: viewer.userId, role: 'viewer' })
    expect(await require(organizationId, owner, true)).toMatchObject({ status: 200, json: { requireTwoFactor: true } })
    const members = await stage.call('GET', at(organizationId, '/members'), { cookie: viewer.cookie })
    expect(members).toMatchObject({ status: 403, json: { code: 'second_factor_required' } })
    expect((await stage.call('POST', at(organizationId, '/leave'), { cookie: viewer.cookie })).status).toBe(204)
    expect((await require(organizationId, owner, false)).status).toBe(200)
    expect(await auditOf(stage, organizationId)).toMatchObject([
      { action: 'organization.two_factor_required', before: { required: false }, after: { required: true } },
      { action: 'member.left', target: viewer.userId, before: { role: 'viewer' } },
      { action: 'organization.two_factor_required', before: { required: true }, after: { required: false } },
    ])
  })

  test('by nobody who would shut themselves out, nor by an admin or a key', async () => {
    const [owner, organizationId] = await owned()
    const admin = await stage.person({ secondFactor: true })
    await stage.db.insert(memberships).values({ organizationId, userId: admin.userId, role: 'admin' })
    expect(await require(organizationId, owner, true)).toMatchObject({ status: 409, json: { code: 'conflict' } })
    expect((await require(organizationId, admin, true)).status).toBe(403)
    const { bearer } = await managementKeyOf(stage, organizationId, 'admin')
    expect((await stage.call('PUT', at(organizationId, '/two-factor'), { bearer, body: { required: true } })).status).toBe(403)
    expect(await auditOf(stage, organizationId)).toEqual([])
  })
})
