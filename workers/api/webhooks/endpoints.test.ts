import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { readSecret } from '#db/queries/secret-of-place.ts'
import { idempotencyKeys, secrets, webhookEndpoints } from '#db/schema/index.ts'
import { WebhookEndpoint, WebhookEndpointWithSecret } from '#shared/contracts/api/webhooks.ts'
import { webhookSecretPlace } from '#shared/contracts/webhook-secret.ts'
import { openSecret } from '#workers/services/secrets/open.ts'
import { cleanUp } from '../crons/clean-up.ts'
import { maxWebhookEndpoints } from '../limits.ts'
import { atOnce } from '../testing/at-once.ts'
import { auditOf } from '../testing/audit-of.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'
import { webhookOf } from '../testing/webhook-of.ts'

const origin = 'http://127.0.0.1:8791'
const url = `${origin}/hook/canary-path?token=canary-token`

let stage: Stage
let owner: TestPerson
let admin: TestPerson
let developer: TestPerson
let organizationId: string

beforeAll(async () => {
  // Nobody answers for DNS.
  stage = await setStage({ ALLOWED_TARGETS: origin, DNS_OVER_HTTPS: 'http://127.0.0.1:1/dns-query' })
  owner = await stage.person()
  admin = await stage.person()
  developer = await stage.person()
})
afterAll(() => stage?.stop())
beforeEach(async () => {
  organizationId = await stage.organization([
    [owner, 'owner'],
    [admin, 'admin'],
    [developer, 'developer'],
  ])
})

const call = (method: string, rest = '', body?: unknown, who = admin, headers = {}) =>
  stage.call(method, `/api/organizations/${organizationId}/webhook-endpoints${rest}`, { cookie: who.cookie, body, headers })

async function create(body: object = {}, who = admin): Promise<WebhookEndpointWithSecret> {
  const answer = await call('POST', '', { url, ...body }, who)
  expect([answer.status, answer.text]).toEqual([201, expect.stringContaining('whsec_')])
  return WebhookEndpointWithSecret.parse(answer.json)
}

/** The secrets of an endpoint in clear: the one that signs, and the one before. */
async function secretsOf(endpointId: string): Promise<(string | null)[]> {
  const open = async (purpose: 'signing' | 'signing_previous') => {
    const place = webhookSecretPlace(organizationId, endpointId, purpose)
    const sealed = await readSecret(stage.db, place)
    return sealed && openSecret(stage.surroundings.keyRing(), place, sealed)
  }
  return [await open('signing'), await open('signing_previous')]
}

test('an endpoint is made, read, changed, paused, activated and deleted, and each change is audited without its path or secret', async () => {
  const logged = vi.spyOn(console, 'log')
  const { secret, ...made } = await create({ description: ' Ops ', eventTypes: ['balance.low', 'key.created'] })
  expect(made).toMatchObject({
    url,
    description: 'Ops',
    eventTypes: ['balance.low', 'key.created'],
    status: 'active',
    createdBy: admin.userId,
  })
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  const { endpointId } = made
  expect(await secretsOf(endpointId)).toEqual([secret, null])
  expect((await call('GET', `/${endpointId}`)).json).toEqual(made)
  await stage.db.update(webhookEndpoints).set({ failingSince: new Date() }).where(eq(webhookEndpoints.id, endpointId))
  const paused = (await call('PATCH', `/${endpointId}`, { status: 'paused', eventTypes: null })).json
  expect(paused).toMatchObject({ status: 'paused', pausedBecause: 'asked', eventTypes: null, failingSince: expect.any(String) })
  const active = { status: 'active', pausedBecause: null, failingSince: null, description: 'Ops' }
  expect(stage.nudges).toEqual([])
  expect((await call('PATCH', `/${endpointId}`, { status: 'active' }, developer)).json).toMatchObject(active)
  expect(stage.nudges).toEqual([{ organizationIds: [organizationId] }])
  await stage.db.update(webhookEndpoints).set({ failingSince: new Date() }).where(eq(webhookEndpoints.id, endpointId))
  const moved = (await call('PATCH', `/${endpointId}`, { url: `${origin}/elsewhere` })).json
  expect(moved).toMatchObject({ url: `${origin}/elsewhere`, failingSince: null })
  expect((await call('GET')).json).toEqual({ data: [moved] })
  expect((await call('DELETE', `/${endpointId}`)).status).toBe(204)
  expect((await call('GET')).json).toEqual({ data: [] })
  expect((await call('GET', `/${endpointId}`)).status).toBe(404)
  expect(await stage.db.select().from(secrets).where(eq(secrets.ownerId, endpointId))).toEqual([])
  const audit = await auditOf(stage, organizationId)
  expect(audit).toMatchObject([
    { action: 'webhook.created', after: { host: '127.0.0.1:8791', description: 'Ops' } },
    { action: 'webhook.changed', before: { status: 'active' }, after: { status: 'paused', pausedBecause: 'asked', eventTypes: null } },
    { action: 'webhook.changed', actor: developer.userId, after: { status: 'active', pausedBecause: null, failingSince: null } },
    { action: 'webhook.changed', before: { host: '127.0.0.1:8791' } },
    { action: 'webhook.deleted', target: endpointId, before: { description: 'Ops' } },
  ])
  expect(JSON.stringify([audit, logged.mock.calls])).not.toMatch(/canary|elsewhere|whsec_/)
})

test('a secret is never shown again: not by a second request with the same key, nor by what is kept of it', async () => {
  const ask = () => call('POST', '', { url }, admin, { 'idempotency-key': `once-${organizationId}` })
  const first = await ask()
  const { endpointId, secret } = WebhookEndpointWithSecret.parse(first.json)
  const second = await ask()
  expect(second).toMatchObject({ status: 409, json: { code: 'conflict', detail: expect.stringContaining(endpointId) } })
  expect((await call('GET')).json).toMatchObject({ data: [{ endpointId }] })
  const texts = [second.text, (await call('GET')).text, (await call('GET', `/${endpointId}`)).text]
  const kept = JSON.stringify(await stage.db.select().from(idempotencyKeys).where(eq(idempotencyKeys.scope, admin.userId)))
  expect([...texts, kept].filter((text) => text.includes(secret) || text.includes('whsec_'))).toEqual([])
})

test('a rotated secret signs beside the new one for the overlap, and not without; the cron deletes it afterwards', async () => {
  const { endpointId, secret: first } = await create()
  const rotate = async (body: object) => {
    const answer = await call('POST', `/${endpointId}/rotate-secret`, body)
    expect(answer.status).toBe(200)
    return WebhookEndpointWithSecret.parse(answer.json)
  }
  const second = await rotate({})
  expect(new Set([first, second.secret]).size).toBe(2)
  expect(await secretsOf(endpointId)).toEqual([second.secret, first])
  expect(Math.round((Date.parse(second.previousSecretUntil ?? '') - Date.now()) / 3_600_000)).toBe(24)
  const third = await rotate({ overlapHours: 72 })
  expect(await secretsOf(endpointId)).toEqual([third.secret, second.secret])
  const fourth = await rotate({ overlapHours: 0 })
  expect([fourth.previousSecretUntil, await secretsOf(endpointId)]).toEqual([null, [fourth.secret, null]])
  const fifth = await rotate({ overlapHours: 1 })
  expect(await cleanUp(stage.db)).toMatchObject({ secrets: 0 })
  await stage.db.update(webhookEndpoints).set({ previousSecretUntil: new Date(Date.now() - 1_000) })
  expect(WebhookEndpoint.parse((await call('GET', `/${endpointId}`)).json).previousSecretUntil).toBeNull()
  expect(await cleanUp(stage.db)).toMatchObject({ secrets: 1 })
  expect(await secretsOf(endpointId)).toEqual([fifth.secret, null])
  for (const overlapHours of [-1, 73, 1.5]) expect((await call('POST', `/${endpointId}/rotate-secret`, { overlapHours })).status).toBe(400)
  const audit = JSON.stringify(await auditOf(stage, organizationId))
  expect(audit.match(/webhook\.secret_rotated/g)).toHaveLength(4)
  expect(audit).not.toContain('whsec_')
})

test('of two rotations at once, one is refused, and the other has the secret that is stored', async () => {
  const { endpointId, secret } = await create()
  const ask = () => call('POST', `/${endpointId}/rotate-secret`, {})
  const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, [ask, ask])
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  const rotated = WebhookEndpointWithSecret.parse(answers.find(({ status }) => status === 200)?.json)
  expect(await secretsOf(endpointId)).toEqual([rotated.secret, secret])
})

test('a secret that no longer opens can be replaced without an overlap', async () => {
  const { endpointId } = await create()
  await stage.db.update(secrets).set({ kekId: 'gone' }).where(eq(secrets.ownerId, endpointId))
  expect((await call('POST', `/${endpointId}/rotate-secret`, {})).status).toBe(409)
  const { secret } = WebhookEndpointWithSecret.parse((await call('POST', `/${endpointId}/rotate-secret`, { overlapHours: 0 })).json)
  expect(await secretsOf(endpointId)).toEqual([secret, null])
})

test('a developer manages every endpoint, and rotates the secrets of their own alone', async () => {
  const [theirs, own] = [await create(), await create({}, developer)]
  expect((await call('GET', `/${theirs.endpointId}`, undefined, developer)).status).toBe(200)
  expect((await call('POST', `/${theirs.endpointId}/rotate-secret`, {}, developer)).status).toBe(404)
  expect(await secretsOf(theirs.endpointId)).toEqual([theirs.secret, null])
  expect((await call('POST', `/${own.endpointId}/rotate-secret`, {}, developer)).status).toBe(200)
  expect((await call('POST', `/${own.endpointId}/rotate-secret`, {}, owner)).status).toBe(200)
})

test('there are at most so many endpoints, also when two are made at once', async () => {
  for (let count = 1; count < maxWebhookEndpoints; count++) await webhookOf(stage, organizationId)
  const ask = () => call('POST', '', { url })
  const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, [ask, ask])
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
  const { json } = await call('GET')
  expect(json).toMatchObject({ data: { length: maxWebhookEndpoints } })
})

test('what cannot be is refused, and changes nothing', async () => {
  const { endpointId, secret: _, ...made } = await create()
  const wrong: object[] = [
    {},
    { url: '' },
    { url: 'http://127.0.0.1:8792/' },
    { url: `${origin}/${'a'.repeat(2_000)}` },
    { eventTypes: [] },
    { eventTypes: ['balance.low', 'balance.low'] },
    { eventTypes: ['webhook.test'] },
    { eventTypes: ['nothing'] },
    { description: 'a\u0000' },
    { description: 'x'.repeat(201) },
    { status: 'failing' },
    { secret: 'whsec_mine' },
  ]
  for (const body of wrong) expect([body, (await call('PATCH', `/${endpointId}`, body)).status]).toEqual([body, 400])
  const untold = { url: 'https://hooks.customer.dev/' }
  for (const [method, rest] of [
    ['POST', ''],
    ['PATCH', `/${endpointId}`],
  ] as const)
    expect(await call(method, rest, untold)).toMatchObject({ status: 503, json: { code: 'unavailable' } })
  expect((await call('GET')).json).toEqual({ data: [{ endpointId, ...made }] })
})
