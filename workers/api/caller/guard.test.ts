import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memberships, organizations, sessions } from '#db/schema/index.ts'
import { generateApiKey } from '#shared/values/api-key.ts'
import { type Stage, setStage } from '../testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.stop())

const read = (organizationId: string, cookie?: string) => stage.call('GET', `/api/organizations/${organizationId}`, { cookie })

test('a member reads the organization, a stranger finds none, and nobody is asked to sign in', async () => {
  const [member, stranger] = [await stage.person(), await stage.person()]
  const organizationId = await stage.organization([[member, 'viewer']])
  expect(await read(organizationId, member.cookie)).toMatchObject({ status: 200, json: { organizationId, role: 'viewer' } })
  expect(await read(organizationId, stranger.cookie)).toMatchObject({ status: 404, json: { code: 'not_found' } })
  expect(await read(organizationId)).toMatchObject({ status: 401, json: { code: 'unauthenticated' } })
})

test('a removed member, an ended session and a deleted organization count from the next request', async () => {
  const person = await stage.person()
  const organizationId = await stage.organization([[person, 'owner']])
  expect((await read(organizationId, person.cookie)).status).toBe(200)
  await stage.db.delete(memberships).where(eq(memberships.userId, person.userId))
  expect((await read(organizationId, person.cookie)).status).toBe(404)
  await stage.db.insert(memberships).values({ organizationId, userId: person.userId, role: 'owner' })
  await stage.db.update(organizations).set({ status: 'suspended', deletedAt: new Date() }).where(eq(organizations.id, organizationId))
  expect((await read(organizationId, person.cookie)).status).toBe(404)
  await stage.db.update(sessions).set({ revokedAt: new Date() }).where(eq(sessions.id, person.sessionId))
  expect((await read(organizationId, person.cookie)).status).toBe(401)
})

test('a token that somebody else signed, an altered one and a relay key are refused', async () => {
  const person = await stage.person()
  const organizationId = await stage.organization([[person, 'owner']])
  const [header, claims = '', signature = ''] = person.cookie.split('=')[1]?.split('.') ?? []
  const forged = [
    [header, Buffer.from('{"sid":"ses_x","iss":"rocket-relay","iat":1,"exp":99999999999}').toString('base64url'), signature],
    [Buffer.from('{"alg":"none"}').toString('base64url'), claims, ''],
    [header, claims, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`],
  ]
  for (const parts of forged) expect((await read(organizationId, `__Host-relay_access=${parts.join('.')}`)).status).toBe(401)
  const keyed = await stage.call('GET', `/api/organizations/${organizationId}`, { bearer: generateApiKey() })
  expect(keyed).toMatchObject({ status: 403, json: { code: 'access_denied' } })
})
