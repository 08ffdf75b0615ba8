import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { auditLog, managementKeys } from '#db/schema/index.ts'
import type { Role } from '#shared/access/roles.ts'
import { CreatedManagementKey } from '#shared/contracts/api/management-keys.ts'
import { generateApiKey, hashApiKey, isWellFormedApiKey } from '#shared/values/api-key.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
let owner: TestPerson
let admin: TestPerson
let organizationId: string

beforeAll(async () => {
  stage = await setStage()
  owner = await stage.person()
  admin = await stage.person()
})
afterAll(() => stage?.stop())
beforeEach(async () => {
  organizationId = await stage.organization([
    [owner, 'owner'],
    [admin, 'admin'],
  ])
})

const root = () => `/api/organizations/${organizationId}`
const call = (method: string, rest = '', body?: unknown, who = owner) =>
  stage.call(method, `${root()}/management-keys${rest}`, { cookie: who.cookie, body })
const withKey = (method: string, bearer: string, path: string, body?: unknown) => stage.call(method, path, { bearer, body })

async function create(role: Role, body: object = {}, who = owner): Promise<CreatedManagementKey> {
  const answer = await call('POST', '', { name: 'Script', role, ...body }, who)
  expect(answer.status).toBe(201)
  return CreatedManagementKey.parse(answer.json)
}

test('a management key is shown once, acts by its role and in its own name, and notes its use', async () => {
  const { key, ...created } = await create('developer')
  expect(isWellFormedApiKey(key, 'rrm_')).toBe(true)
  expect(created).toMatchObject({ role: 'developer', createdBy: owner.userId, status: 'active', lastUsedAt: null, expiresAt: null })
  const made = await withKey('POST', key, `${root()}/keys`, { name: 'By a script' })
  expect(made).toMatchObject({ status: 201, json: { createdBy: created.managementKeyId } })
  await stage.call('POST', `${root()}/keys`, { cookie: owner.cookie, body: { name: 'By a person' } })
  expect((await withKey('GET', key, `${root()}/keys`)).json).toMatchObject({ data: [{ name: 'By a script' }], next: null })
  expect(await withKey('GET', key, `${root()}/management-keys`)).toMatchObject({ status: 403, json: { code: 'access_denied' } })
  const listed = await call('GET')
  expect(listed.json).toEqual({ data: [{ ...created, lastUsedAt: expect.any(String) }] })
  expect(listed.text).not.toContain(key)
})

test('a revoked key and an expired one are refused on the next request', async () => {
  const [revoked, expired] = [await create('viewer'), await create('viewer', { expiresAt: '2999-01-01T00:00:00Z' })]
  for (const { key } of [revoked, expired]) expect((await withKey('GET', key, root())).status).toBe(200)
  expect((await call('DELETE', `/${revoked.managementKeyId}`)).status).toBe(204)
  await stage.db
    .update(managementKeys)
    .set({ expiresAt: new Date(0) })
    .where(eq(managementKeys.id, expired.managementKeyId))
  for (const { key } of [revoked, expired])
    expect(await withKey('GET', key, root())).toMatchObject({ status: 401, json: { code: 'unauthenticated' } })
  expect((await call('DELETE', `/${revoked.managementKeyId}`)).status).toBe(404)
  expect((await call('GET')).json).toMatchObject({ data: [{ managementKeyId: expired.managementKeyId, status: 'expired' }] })
})

test('no key is an owner, an admin may make others of an admin, and a key makes no keys of its kind', async () => {
  expect(await call('POST', '', { name: 'x', role: 'owner' })).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
  const { key } = await create('admin', {}, admin)
  const bred = await withKey('POST', key, `${root()}/management-keys`, { name: 'x', role: 'viewer' })
  expect(bred).toMatchObject({ status: 403, json: { code: 'access_denied' } })
  expect((await withKey('GET', key, `${root()}/management-keys`)).status).toBe(200)
})

test('a key of an organization opens no other, and none of another is revoked', async () => {
  const { key, managementKeyId } = await create('admin')
  const elsewhere = await stage.organization([[owner, 'owner']])
  expect((await withKey('GET', key, `/api/organizations/${elsewhere}/keys`)).status).toBe(404)
  const path = `/api/organizations/${elsewhere}/management-keys/${managementKeyId}`
  expect((await stage.call('DELETE', path, { cookie: owner.cookie })).status).toBe(404)
  expect((await withKey('GET', key, root())).status).toBe(200)
})

test('a key that calls models, and one that nobody made, do not open this API', async () => {
  const relayKey = (await stage.call('POST', `${root()}/keys`, { cookie: owner.cookie, body: {} })).json as { apiKey: string }
  expect((await withKey('GET', relayKey.apiKey, root())).status).toBe(403)
  for (const bearer of [generateApiKey('rrm_'), 'rrm_short', await hashApiKey((await create('viewer')).key)])
    expect([bearer, (await withKey('GET', bearer, root())).status]).toEqual([bearer, 401])
})

test('fifty may live, however many are asked for at once, and one that is revoked makes room', async () => {
  const { managementKeyId } = await create('viewer')
  await stage.db.execute(sql`insert into management_keys (id, organization_id, name, role, key_hash, redacted, created_by)
    select ${organizationId} || n, ${organizationId}, 'k', 'viewer', encode(sha256((${organizationId} || n)::bytea), 'hex'), '', 'usr_x'
    from generate_series(1, 47) n`)
  const answers = await Promise.all([1, 2, 3, 4].map(() => call('POST', '', { name: 'x', role: 'viewer' })))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, 409, 409])
  await call('DELETE', `/${managementKeyId}`)
  await create('viewer')
})

test('both changes are in the audit log, and neither the key nor its hash is', async () => {
  const { key, managementKeyId } = await create('billing_admin')
  await call('DELETE', `/${managementKeyId}`, undefined, admin)
  const entries = await stage.db.select().from(auditLog).where(eq(auditLog.chain, organizationId)).orderBy(auditLog.seq)
  expect(entries).toMatchObject([
    { action: 'management_key.created', actorId: owner.userId, after: { name: 'Script', role: 'billing_admin' } },
    { action: 'management_key.revoked', actorId: admin.userId, targetId: managementKeyId },
  ])
  for (const secret of [key, await hashApiKey(key)]) expect(JSON.stringify(entries)).not.toContain(secret)
})
