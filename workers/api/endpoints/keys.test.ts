import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { findKeyByHash } from '#db/queries/find-key-by-hash.ts'
import { apiKeys, auditLog, ledgerPushes, organizations, providerCredentials } from '#db/schema/index.ts'
import type { Limits } from '#shared/contracts/account.ts'
import { CreatedApiKey, RotatedApiKey } from '#shared/contracts/api/keys.ts'
import { hashApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'
import { eventsOf } from '../testing/events-of.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
/** Signed in once for all tests; each test has an organization of its own. */
let admin: TestPerson
let developer: TestPerson
let organizationId: string

beforeAll(async () => {
  stage = await setStage()
  admin = await stage.person()
  developer = await stage.person()
})
afterAll(() => stage?.stop())
beforeEach(async () => {
  organizationId = await stage.organization([
    [admin, 'admin'],
    [developer, 'developer'],
  ])
  stage.ledger.broken = false
})

const path = (rest = '', of = organizationId) => `/api/organizations/${of}/keys${rest}`
const call = (method: string, rest = '', body?: unknown, who = admin) => stage.call(method, path(rest), { cookie: who.cookie, body })

async function create(body: object = {}, who = admin): Promise<CreatedApiKey> {
  const answer = await call('POST', '', body, who)
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
  return CreatedApiKey.parse(answer.json)
}

/** What the ledger object was told last of a key; undefined when it was told that there is none. */
function pushed(keyId: string) {
  return stage.ledger.pushed.findLast((snapshot) => snapshot.organizationId === organizationId)?.keys.find((each) => each.keyId === keyId)
}

const rules = {
  name: 'CI',
  limits: { concurrency: 2, spendPerDayNanos: 5_000_000_000 },
  allowedModels: ['gpt-a'],
  allowedIps: ['203.0.113.0/24', '2001:db8::1'],
  expiresAt: '2999-01-01T00:00:00.000Z',
}

test('a key is shown once, is pushed with all its rules, and is known by its hash alone', async () => {
  const created = await create(rules)
  expect(created).toMatchObject({ ...rules, status: 'active', createdBy: admin.userId, lastUsedAt: null, replaces: null, pushed: true })
  const { limits, allowedModels, allowedIps } = rules
  expect(pushed(created.keyId)).toEqual({
    keyId: created.keyId,
    limits,
    allowedModels,
    allowedIps,
    expiresAtMs: Date.parse(rules.expiresAt),
  })
  expect(await findKeyByHash(stage.db, await hashApiKey(created.apiKey))).toMatchObject({ keyId: created.keyId, organizationId })
  const { apiKey, pushed: _, ...key } = created
  expect(await call('GET', `/${created.keyId}`)).toMatchObject({ status: 200, json: key })
  const list = await call('GET')
  expect(list.json).toEqual({ data: [key], next: null })
  expect(list.text).not.toContain(apiKey)
})

test("the organization's default limits fill in what a key does not name", async () => {
  const defaultKeyLimits: Limits = { concurrency: 7, requestsPerMinute: 60 }
  await stage.db.update(organizations).set({ defaultKeyLimits }).where(eq(organizations.id, organizationId))
  expect((await create()).limits).toEqual(defaultKeyLimits)
  expect((await create({ limits: { concurrency: 1 } })).limits).toEqual({ concurrency: 1, requestsPerMinute: 60 })
})

test('a change sets what it names and leaves the rest; null lifts a restriction; the object hears of it', async () => {
  const { keyId } = await create(rules)
  const changed = await call('PATCH', `/${keyId}`, { name: 'Nightly', limits: { requestsPerDay: 3 } })
  expect(changed).toMatchObject({ status: 200, json: { ...rules, name: 'Nightly', limits: { requestsPerDay: 3 }, pushed: true } })
  expect(pushed(keyId)).toMatchObject({ limits: { requestsPerDay: 3 }, allowedIps: rules.allowedIps })
  const lifted = await call('PATCH', `/${keyId}`, { allowedModels: null, allowedIps: null, expiresAt: null })
  expect(lifted.json).toMatchObject({ name: 'Nightly', allowedModels: null, allowedIps: null, expiresAt: null })
  expect(pushed(keyId)).toEqual({ keyId, limits: { requestsPerDay: 3 }, allowedModels: null, expiresAtMs: null })
})

test.each<[method: string, rest: string, body: unknown]>([
  ['POST', '', { name: 'a\u0000' }],
  ['POST', '', { name: 'a\ud800' }],
  ['POST', '', { name: 'a'.repeat(121) }],
  ['POST', '', { limits: { concurrency: -1 } }],
  ['POST', '', { limits: { concurency: 1 } }],
  ['POST', '', { limits: JSON.parse('{"__proto__":{"concurrency":1}}') }],
  ['POST', '', { allowedModels: [] }],
  ['POST', '', { allowedModels: ['a\u0000'] }],
  ['POST', '', { allowedModels: ['\udfff'] }],
  ['POST', '', { allowedIps: ['203.0.113.7/24'] }],
  ['POST', '', { allowedIps: ['localhost'] }],
  ['POST', '', { allowedIps: Array.from({ length: 51 }, () => '203.0.113.7') }],
  ['POST', '', { expiresAt: '0001-01-01T00:00:00Z' }],
  ['POST', '', { expiresAt: null }],
  ['PATCH', '/key_x', {}],
  ['PATCH', '/key_x', { createdBy: 'usr_x' }],
  ['PATCH', '/key_x', { name: null }],
  ['POST', '/key_x/rotate', { overlapSeconds: -1 }],
  ['POST', '/key_x/rotate', { overlapSeconds: 2_592_001 }],
  ['POST', '/key_x/rotate', { overlapSeconds: '1' }],
])('%s %s refuses %j', async (method, rest, body) => {
  expect(await call(method, rest, body)).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
})

test('a rotated key and its successor both work until the overlap is over', async () => {
  const old = await create(rules)
  const before = Date.now()
  const answer = await call('POST', `/${old.keyId}/rotate`, {})
  expect(answer.status).toBe(201)
  const next = RotatedApiKey.parse(answer.json)
  const { name, limits, allowedModels, allowedIps, expiresAt } = rules
  expect(next).toMatchObject({ name, limits, allowedModels, allowedIps, expiresAt, replaces: old.keyId, status: 'active', pushed: true })
  expect(next.apiKey).not.toBe(old.apiKey)
  const endsAtMs = Date.parse(next.replacedExpiresAt)
  expect(endsAtMs).toBeGreaterThanOrEqual(before + 86_400_000)
  expect(endsAtMs).toBeLessThanOrEqual(Date.now() + 86_400_000)
  expect(pushed(old.keyId)).toMatchObject({ limits, allowedIps, expiresAtMs: endsAtMs })
  expect(pushed(next.keyId)).toMatchObject({ limits, allowedIps, expiresAtMs: Date.parse(expiresAt) })
  await stage.db
    .update(apiKeys)
    .set({ expiresAt: new Date(Date.now() - 1) })
    .where(eq(apiKeys.id, old.keyId))
  expect((await call('GET', `/${old.keyId}`)).json).toMatchObject({ status: 'expired' })
})

test('without an overlap the old key ends at once, and an overlap does not prolong it', async () => {
  const [atOnce, sooner] = [await create(), await create({ expiresAt: new Date(Date.now() + 60_000).toISOString() })]
  await call('POST', `/${atOnce.keyId}/rotate`, { overlapSeconds: 0 })
  expect(pushed(atOnce.keyId)?.expiresAtMs).toBeLessThanOrEqual(Date.now())
  expect((await call('GET', `/${atOnce.keyId}`)).json).toMatchObject({ status: 'expired' })
  const rotated = await call('POST', `/${sooner.keyId}/rotate`, { overlapSeconds: 3_600 })
  expect(rotated.json).toMatchObject({ expiresAt: sooner.expiresAt, replacedExpiresAt: sooner.expiresAt })
})

test('of two rotations at once one is made; revoking the successor lets the key be rotated again', async () => {
  const { keyId } = await create()
  const answers = await Promise.all([call('POST', `/${keyId}/rotate`, {}), call('POST', `/${keyId}/rotate`, {})])
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409])
  const { keyId: successor } = RotatedApiKey.parse(answers.find(({ status }) => status === 201)?.json)
  expect(await stage.db.select().from(apiKeys).where(eq(apiKeys.replaces, keyId))).toHaveLength(1)
  await call('DELETE', `/${successor}`)
  expect((await call('POST', `/${keyId}/rotate`, {})).status).toBe(201)
})

test('an expired or revoked key is not rotated; an expired one works again when its expiry is lifted', async () => {
  const [expired, revoked] = [await create(), await create()]
  await stage.db
    .update(apiKeys)
    .set({ expiresAt: new Date(0) })
    .where(eq(apiKeys.id, expired.keyId))
  await call('DELETE', `/${revoked.keyId}`)
  expect((await call('POST', `/${expired.keyId}/rotate`, {})).status).toBe(409)
  expect((await call('POST', `/${revoked.keyId}/rotate`, {})).status).toBe(404)
  expect((await call('PATCH', `/${revoked.keyId}`, { name: 'x' })).status).toBe(404)
  expect((await call('PATCH', `/${expired.keyId}`, { expiresAt: null })).json).toMatchObject({ status: 'active' })
})

test('what a key of a provider is bound to follows a rotation, without the keys that have ended', async () => {
  const [kept, gone, other] = [await create(), await create(), await create()]
  await call('DELETE', `/${gone.keyId}`)
  const credential = { organizationId, provider: 'openai', name: 'c', lastFour: 'abcd' }
  const [bound, unbound] = [newId('byk'), newId('byk')]
  await stage.db.insert(providerCredentials).values([
    { ...credential, id: bound, keyIds: [kept.keyId, gone.keyId] },
    { ...credential, id: unbound, keyIds: [other.keyId] },
  ])
  const { keyId: next } = RotatedApiKey.parse((await call('POST', `/${kept.keyId}/rotate`, {})).json)
  const rows = await stage.db.select().from(providerCredentials).where(eq(providerCredentials.organizationId, organizationId))
  expect(rows.find(({ id }) => id === bound)?.keyIds).toEqual([kept.keyId, next])
  expect(rows.find(({ id }) => id === unbound)?.keyIds).toEqual([other.keyId])
  expect(stage.ledger.pushed.at(-1)).toMatchObject({ organizationId, credentialsVersion: 1 })
})

test('a revoked key is gone from the object; one that could not be told stays in the outbox', async () => {
  const [first, second] = [await create(), await create()]
  expect(await call('DELETE', `/${first.keyId}`)).toMatchObject({ status: 200, json: { keyId: first.keyId, pushed: true } })
  expect(pushed(first.keyId)).toBeUndefined()
  expect(await waiting()).toEqual([])
  stage.ledger.broken = true
  expect(await call('DELETE', `/${second.keyId}`)).toMatchObject({ status: 200, json: { pushed: false } })
  const [row] = await stage.db.select().from(organizations).where(eq(organizations.id, organizationId))
  expect(await waiting()).toMatchObject([{ version: row?.balanceVersion }])
  expect((await call('GET', `/${second.keyId}`)).json).toMatchObject({ status: 'revoked', revokedAt: expect.any(String) })
  expect((await call('DELETE', `/${second.keyId}`)).status).toBe(404)
})

const waiting = () => stage.db.select().from(ledgerPushes).where(eq(ledgerPushes.organizationId, organizationId))

test('a developer has the keys that they made, and no other exists for them', async () => {
  const [own, foreign] = [await create({}, developer), await create()]
  expect((await call('GET', '', undefined, developer)).json).toMatchObject({ data: [{ keyId: own.keyId, createdBy: developer.userId }] })
  const attempts: [string, string, unknown?][] = [
    ['GET', ''],
    ['PATCH', '', { name: 'mine' }],
    ['POST', '/rotate', {}],
    ['DELETE', ''],
  ]
  for (const [method, rest, body] of attempts) {
    expect([method, (await call(method, `/${foreign.keyId}${rest}`, body, developer)).status]).toEqual([method, 404])
    expect([method, (await call(method, `/${own.keyId}${rest}`, body, developer)).status < 300]).toEqual([method, true])
  }
  expect((await call('GET', `/${foreign.keyId}`)).json).toMatchObject({ name: 'API key', status: 'active' })
})

test('the making and the end of a key are told once, and a rotation says when the old one ends', async () => {
  const old = await create({ name: 'CI' })
  const next = RotatedApiKey.parse((await call('POST', `/${old.keyId}/rotate`, { overlapSeconds: 3_600 })).json)
  const last = RotatedApiKey.parse((await call('POST', `/${next.keyId}/rotate`, { overlapSeconds: 0 })).json)
  await call('DELETE', `/${last.keyId}`)
  await call('DELETE', `/${last.keyId}`)
  const told = ({ keyId, name, redactedKey }: CreatedApiKey | RotatedApiKey) => ({ keyId, name, redactedKey })
  const made = { createdBy: admin.userId }
  expect(await eventsOf(stage, organizationId)).toEqual([
    ['key.created', { ...told(old), ...made, replaces: null }],
    ['key.created', { ...told(next), ...made, replaces: { keyId: old.keyId, endsAt: next.replacedExpiresAt } }],
    ['key.created', { ...told(last), ...made, replaces: { keyId: next.keyId, endsAt: last.replacedExpiresAt } }],
    ['key.revoked', told(next)],
    ['key.revoked', told(last)],
  ])
  // One nudge for each change.
  expect(stage.nudges.filter(({ organizationIds }) => organizationIds.includes(organizationId))).toHaveLength(4)
})

test("another tenant's key does not exist, nor does its cursor", async () => {
  const stranger = await stage.person()
  const elsewhere = await stage.organization([[stranger, 'owner']])
  const { keyId } = await create()
  await create()
  for (const [method, rest, body] of [
    ['GET', ''],
    ['PATCH', '', { name: 'mine' }],
    ['POST', '/rotate', {}],
    ['DELETE', ''],
  ] as const)
    expect((await stage.call(method, path(`/${keyId}${rest}`, elsewhere), { cookie: stranger.cookie, body })).status).toBe(404)
  const { next } = (await call('GET', '?limit=1')).json as { next: string }
  const borrowed = await stage.call('GET', path(`?cursor=${next}`, elsewhere), { cookie: stranger.cookie })
  expect(borrowed).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
  for (const forged of ['AAAA', Buffer.from(`["keys ${organizationId}","' or 1=1"]`).toString('base64url'), '_'.repeat(501), ''])
    expect([forged, (await call('GET', `?cursor=${forged}`)).status]).toEqual([forged, 400])
})

test('a thousand keys may live, each of them is listed once with its last use, and one that expires makes room', async () => {
  await stage.db.execute(sql`insert into api_keys (id, organization_id, name, key_hash, redacted)
    select 'key_' || substr(${organizationId}, 5) || lpad(n::text, 4, '0'), ${organizationId}, 'k',
      encode(sha256((${organizationId} || n)::bytea), 'hex'), '' from generate_series(1, 999) n`)
  const { keyId } = await create()
  const usedAtMs = Date.now()
  await stage.db.execute(sql`insert into request_logs
    (request_id, organization_id, key_id, model, method, path, outcome, latency_ms, client_ip, user_agent, created_at)
    select ${organizationId} || n, ${organizationId}, ${keyId}, 'm', 'POST', '/', 'completed', 1, '', '', to_timestamp(${usedAtMs / 1_000}) - n * interval '1 ms'
    from generate_series(0, 9) n`)
  expect(await call('POST', '', {})).toMatchObject({ status: 409, json: { code: 'conflict' } })
  expect((await call('POST', `/${keyId}/rotate`, {})).status).toBe(409)
  const seen: { keyId: string; lastUsedAt: string | null }[] = []
  for (let next: string | null = ''; next !== null; ) {
    const { json } = await call('GET', `?limit=200${next === '' ? '' : `&cursor=${next}`}`)
    const page = json as { data: typeof seen; next: string | null }
    seen.push(...page.data)
    next = page.next
  }
  expect(new Set(seen.map((key) => key.keyId)).size).toBe(1_000)
  expect(seen).toHaveLength(1_000)
  const lastUse = new Date(usedAtMs).toISOString()
  expect(seen.filter(({ lastUsedAt }) => lastUsedAt !== null)).toMatchObject([{ keyId, lastUsedAt: lastUse }])
  expect((await call('POST', `/${keyId}/rotate`, { overlapSeconds: 0 })).status).toBe(201)
  expect((await call('PATCH', `/${keyId}`, { expiresAt: null })).status).toBe(409)
  const [last] = seen.filter((key) => key.keyId !== keyId)
  await stage.db
    .update(apiKeys)
    .set({ expiresAt: new Date(0) })
    .where(eq(apiKeys.id, last?.keyId ?? ''))
  expect((await call('POST', '', {})).status).toBe(201)
})

test('every change is in the audit log with who made it, and neither a key nor its hash is', async () => {
  const created = await create(rules)
  await call('PATCH', `/${created.keyId}`, { limits: {}, expiresAt: null })
  const next = RotatedApiKey.parse((await call('POST', `/${created.keyId}/rotate`, {})).json)
  await call('DELETE', `/${next.keyId}`)
  const entries = await stage.db.select().from(auditLog).where(eq(auditLog.chain, organizationId)).orderBy(auditLog.seq)
  expect(entries).toMatchObject([
    { action: 'key.created', actorId: admin.userId, targetId: created.keyId, after: rules },
    {
      action: 'key.changed',
      before: { limits: rules.limits, expiresAt: rules.expiresAt },
      after: { limits: {}, expiresAt: null },
    },
    { action: 'key.rotated', targetId: created.keyId, after: { replacedBy: next.keyId, expiresAt: next.replacedExpiresAt } },
    { action: 'key.revoked', targetId: next.keyId },
  ])
  const told = JSON.stringify(entries)
  for (const { apiKey } of [created, next]) for (const secret of [apiKey, await hashApiKey(apiKey)]) expect(told).not.toContain(secret)
})
