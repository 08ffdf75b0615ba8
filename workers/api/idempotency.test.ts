import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { auditLog, idempotencyKeys } from '#db/schema/index.ts'
import { operation } from '#shared/contracts/api/operation.ts'
import { newId } from '#shared/values/id.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import { apiAppOf } from './app.ts'
import { endpoint } from './endpoint.ts'
import { type Stage, setStage, type TestPerson } from './testing/stage.ts'

const path = '/api/organizations/:organizationId/things'
const body = z.strictObject({ name: z.string().max(50) })
const shared = { method: 'POST', access: 'keys.create', summary: 'Makes a thing', body, status: 201 } as const
const Thing = z.object({ thingId: z.string(), name: z.string(), secret: z.string().optional() })
const operations = {
  plain: operation({ id: 'things.create', path, ...shared, answer: Thing, idempotent: 'answer' }),
  secret: operation({ id: 'things.create_secret', path: `${path}/secret`, ...shared, answer: Thing, idempotent: 'secret' }),
  empty: operation({ id: 'things.touch', path: `${path}/touch`, ...shared, status: 204, idempotent: 'answer' }),
}

/** Makes a thing, which is an entry of the audit log and nothing else. Some names end badly, before or after the commit. */
async function make({ transact, actor }: Platform, organizationId: string, name: string): Promise<z.infer<typeof Thing>> {
  const thingId = newId('key')
  await transact(async (tx) => {
    await recordChange(tx, actor, { chain: { organizationId }, action: 'thing.made', target: { type: 'thing', id: thingId } })
    if (name === 'refused within') throw new Problem('conflict', 'no')
  })
  if (name === 'refused after') throw new Problem('conflict', 'no')
  if (name === 'broken after') throw new Error('broken')
  await transact(async () => undefined)
  return { thingId, name, secret: 'hush-hush' }
}

const app = apiAppOf([
  endpoint(operations.plain, async ({ platform, scope, body: { name } }) => make(platform, scope.organizationId, name)),
  endpoint(operations.secret, async ({ platform, scope, body: { name } }) => make(platform, scope.organizationId, name)),
  endpoint(operations.empty, async ({ platform, scope, body: { name } }) => void (await make(platform, scope.organizationId, name))),
])

let stage: Stage
let owner: TestPerson
let organizationId: string
beforeAll(async () => {
  stage = await setStage()
  owner = await stage.person()
})
beforeEach(async () => {
  organizationId = await stage.organization([[owner, 'owner']])
})
afterAll(() => stage?.stop())

async function create(key: string | undefined, name = 'a', more = '', { cookie } = owner) {
  const headers = {
    'content-type': 'application/json',
    origin: 'https://portal.test',
    cookie,
    ...(key !== undefined && { 'idempotency-key': key }),
  }
  const init = { method: 'POST', headers, body: JSON.stringify({ name }) }
  const answer = await app.request(`/api/organizations/${organizationId}/things${more}`, init, stage.env)
  const text = await answer.text()
  return { status: answer.status, json: text === '' ? null : JSON.parse(text), replayed: answer.headers.get('idempotent-replayed') }
}

async function made(): Promise<number> {
  return stage.db.$count(auditLog, eq(auditLog.chain, organizationId))
}

describe('a creation with an Idempotency-Key', () => {
  test('is carried out once, and answered the same again', async () => {
    const first = await create('k1')
    expect(first).toMatchObject({ status: 201, json: { name: 'a', secret: 'hush-hush' }, replayed: null })
    expect(await create('k1')).toEqual({ ...first, replayed: 'true' })
    expect(await made()).toBe(1)
    expect(await create('t1', 'a', '/touch')).toEqual({ status: 204, json: null, replayed: null })
    expect(await create('t1', 'a', '/touch')).toEqual({ status: 204, json: null, replayed: 'true' })
    expect(await made()).toBe(2)
  })

  test('is carried out once when it is sent twenty times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => create('k2')))
    expect(new Set(answers.map(({ status, json }) => `${status} ${json.thingId}`)).size).toBe(1)
    expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1)
    expect(await made()).toBe(1)
  })

  test('is another one for another caller, for another key, and without a key', async () => {
    const other = await stage.person()
    organizationId = await stage.organization([
      [owner, 'owner'],
      [other, 'admin'],
    ])
    const answers = [
      await create('k3'),
      await create('k3', 'a', '', other),
      await create('k4'),
      await create(undefined),
      await create(undefined),
    ]
    expect(new Set(answers.map(({ json }) => json.thingId)).size).toBe(5)
    expect(await made()).toBe(5)
  })

  test('takes the key of another request for a mistake', async () => {
    await create('k5')
    const reused = { status: 422, json: { code: 'idempotency_key_reused' } }
    expect(await create('k5', 'b')).toMatchObject(reused)
    expect(await create('k5', 'a', '/secret')).toMatchObject(reused)
    organizationId = await stage.organization([[owner, 'owner']])
    expect(await create('k5')).toMatchObject(reused)
    expect(await made()).toBe(0)
  })

  test('that was refused gives its key back, before its commit or after it', async () => {
    for (const [key, name] of [
      ['k6', 'refused within'],
      ['k7', 'refused after'],
    ] as const) {
      expect((await create(key, name)).status).toBe(409)
      expect(await create(key)).toMatchObject({ status: 201, replayed: null })
    }
  })

  test('that broke after its commit is not made again, and says that it may have been made', async () => {
    expect((await create('k8', 'broken after')).status).toBe(500)
    await stage.db
      .update(idempotencyKeys)
      .set({ createdAt: new Date(Date.now() - 60_000) })
      .where(eq(idempotencyKeys.key, 'k8'))
    expect(await create('k8', 'broken after')).toMatchObject({
      status: 409,
      json: { code: 'conflict', detail: expect.stringContaining('may have') },
    })
    expect(await made()).toBe(1)
  })

  test('is told with its id, when its secret was shown already; the secret is stored nowhere', async () => {
    const first = await create('k9', 'a', '/secret')
    expect(first).toMatchObject({ status: 201, json: { secret: 'hush-hush' } })
    const again = await create('k9', 'a', '/secret')
    expect(again).toMatchObject({ status: 409, json: { code: 'conflict', detail: expect.stringContaining(first.json.thingId) } })
    expect(await made()).toBe(1)
    const rows = await stage.db.select().from(idempotencyKeys).where(eq(idempotencyKeys.operation, operations.secret.id))
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain('hush')
  })

  test('has a key of 1 to 255 printable characters', async () => {
    for (const key of ['x'.repeat(256), 'ä', '', 'a\tb'])
      expect(await create(key)).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect((await create('x'.repeat(255))).status).toBe(201)
  })
})
