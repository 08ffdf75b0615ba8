import type { Server } from 'node:http'
import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTestHarness, type TestHarness } from 'wrangler'
import { customerEvents, webhookAttempts, webhookDeliveries } from '#db/schema/index.ts'
import { DeliveryId } from '#shared/contracts/api/parameters.ts'
import type { WebhookNudge } from '#shared/contracts/events/webhook-nudge.ts'
import { timeOfId } from '#shared/values/id.ts'
import { createNeonEndpoint } from '#workers/dev/neon-endpoint/endpoint.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import { cleanUp } from './clean-up.ts'
import { consumeNudges, type QueueMessage } from './consume.ts'
import { deliver } from './deliver.ts'
import { handOut } from './hand-out.ts'
import { kekSettings, type Stage, setStage, type TestEndpoint } from './testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())
beforeEach(async () => {
  stage.begun.length = 0
  stage.nudges.length = 0
  await stage.db.delete(webhookDeliveries)
  await stage.db.update(customerEvents).set({ fannedOutAt: new Date() })
})

const eventsOf = async (endpointId: string) => (await stage.deliveries(endpointId)).map(({ event }) => event)
const waiting = () => stage.db.$count(customerEvents, sql`fanned_out_at is null`)

describe('events', () => {
  test('are handed to each endpoint once, however many runs there are at once and one after the other', async () => {
    const first = await stage.endpoint()
    const second = await stage.endpoint({ organizationId: first.organizationId })
    await stage.tell(first.organizationId, 40)
    const runs = await Promise.all(Array.from({ length: 10 }, () => handOut(stage.platform, [first.organizationId])))
    expect(runs.reduce((sum, { events }) => sum + events, 0)).toBe(40)
    expect(runs.reduce((sum, { deliveries }) => sum + deliveries, 0)).toBe(80)
    expect(await handOut(stage.platform, null)).toMatchObject({ events: 0, deliveries: 0 })
    // An event that looks as if it never was handed out, as after a fault, makes no second delivery.
    await stage.db.update(customerEvents).set({ fannedOutAt: null }).where(eq(customerEvents.organizationId, first.organizationId))
    expect(await handOut(stage.platform, null)).toMatchObject({ events: 40, deliveries: 0 })
    for (const { endpointId } of [first, second]) expect(new Set(await eventsOf(endpointId)).size).toBe(40)
    const ids = (await stage.deliveries(first.endpointId)).map(({ id }) => id)
    for (const id of ids) expect(DeliveryId.safeParse(id).success && Date.now() - (timeOfId('dlv', id) ?? 0) < 60_000).toBe(true)
  })

  test('go to active endpoints of their customer that want their type, and to one alone where that is said', async () => {
    const all = await stage.endpoint()
    const { organizationId } = all
    const members = await stage.endpoint({ organizationId, eventTypes: ['member.added', 'member.removed'] })
    const nothing = await stage.endpoint({ organizationId, eventTypes: [] })
    const paused = await stage.endpoint({ organizationId, status: 'paused', pausedBecause: 'asked' })
    const stranger = await stage.endpoint()
    await recordEvent(stage.db, { organizationId, type: 'member.removed', data: { userId: 'usr_1' } })
    await recordEvent(stage.db, { organizationId, type: 'byok.invalid', data: { credentialId: 'prc_1' } })
    await stage.tell(organizationId, 1, nothing.endpointId)
    await stage.tell(organizationId, 1, stranger.endpointId)
    expect(await handOut(stage.platform, [organizationId])).toMatchObject({ events: 4, deliveries: 4 })
    const counts = await Promise.all([all, members, nothing, paused, stranger].map(({ endpointId }) => eventsOf(endpointId)))
    expect(counts.map(({ length }) => length)).toEqual([2, 1, 1, 0, 0])
    expect(stage.begun.toSorted()).toEqual([all, members, nothing].map(({ endpointId }) => endpointId).toSorted())
  })

  test('of customers that nobody named wait for the cron', async () => {
    const [named, unnamed] = [await stage.endpoint(), await stage.endpoint()]
    for (const { organizationId } of [named, unnamed]) await stage.tell(organizationId)
    await handOut(stage.platform, [named.organizationId])
    expect([await eventsOf(named.endpointId), await eventsOf(unnamed.endpointId)].map(({ length }) => length)).toEqual([1, 0])
    expect(stage.begun).toEqual([named.endpointId])
    await handOut(stage.platform, null)
    expect(stage.begun).toEqual([named.endpointId, named.endpointId, unnamed.endpointId])
    expect(await waiting()).toBe(0)
  })
})

describe('endpoints', () => {
  test('to which somebody delivers, or for which nothing is due, are not begun', async () => {
    const [busy, early, done] = [await stage.endpoint(), await stage.endpoint(), await stage.endpoint()]
    for (const { organizationId } of [busy, early, done]) await stage.tell(organizationId)
    await handOut({ ...stage.platform, deliverer: { begin: async () => undefined } }, null)
    await stage.db.execute(sql`update webhook_endpoints set leased_until = now() + interval '9 s' where id = ${busy.endpointId}`)
    await stage.db.execute(sql`update webhook_deliveries set due_at = now() + interval '9 s' where endpoint_id = ${early.endpointId}`)
    await deliver(stage.platform, done.endpointId)
    await handOut(stage.platform, null)
    expect(stage.begun).toEqual([])
  })

  test('are begun thirty at a time, the longest waiting first; the rest is handed on by a nudge', async () => {
    const endpoints = await Promise.all(Array.from({ length: 40 }, () => stage.endpoint()))
    for (const { organizationId } of endpoints) await stage.tell(organizationId)
    const last = endpoints[39]
    await handOut({ ...stage.platform, deliverer: { begin: async () => undefined } }, [last?.organizationId ?? ''])
    await stage.db.execute(sql`update webhook_deliveries set due_at = now() - interval '1 hour'`)
    stage.nudges.length = 0
    expect(await handOut(stage.platform, null)).toMatchObject({ begun: 30, handedOn: 10 })
    expect(stage.begun).toContain(last?.endpointId)
    const named = stage.nudges.flatMap(({ message }) => message.organizationIds)
    const left = endpoints.filter(({ endpointId }) => !stage.begun.includes(endpointId)).map(({ organizationId }) => organizationId)
    expect(named.toSorted()).toEqual(left.toSorted())
  })

  test('that cannot be begun hold up no other', async () => {
    vi.spyOn(console, 'error').mockReturnValueOnce(undefined)
    const [one, other] = [await stage.endpoint(), await stage.endpoint()]
    for (const { organizationId } of [one, other]) await stage.tell(organizationId)
    const begin = ({ endpointId }: { endpointId: string }) =>
      endpointId === one.endpointId ? Promise.reject(new Error('no more')) : stage.platform.deliverer.begin({ endpointId })
    expect(await handOut({ ...stage.platform, deliverer: { begin } }, null)).toMatchObject({ begun: 1 })
    expect(stage.begun).toEqual([other.endpointId])
  })
})

describe('a batch of nudges', () => {
  const messageOf = (body: unknown) => ({
    id: 'm',
    body,
    attempts: 1,
    ack: vi.fn<QueueMessage['ack']>(),
    retry: vi.fn<QueueMessage['retry']>(),
  })

  test('is done in one, and what is no nudge is dropped', async () => {
    const [one, other] = [await stage.endpoint(), await stage.endpoint()]
    for (const { organizationId } of [one, other]) await stage.tell(organizationId)
    const messages = [
      { organizationIds: [one.organizationId] },
      { organizationIds: [other.organizationId, one.organizationId] },
      'nothing',
    ].map(messageOf)
    expect(await consumeNudges(stage.platform, messages)).toMatchObject({
      messages: 3,
      invalid: 1,
      retried: 0,
      events: 2,
      deliveries: 2,
      begun: 2,
    })
    for (const message of messages) expect(message.ack).toHaveBeenCalledOnce()
  })

  test('comes again when Postgres is away', async () => {
    vi.spyOn(console, 'error').mockReturnValueOnce(undefined)
    const away = new Proxy(stage.db, { get: () => () => Promise.reject(new Error('away')) })
    const message = messageOf({ organizationIds: ['org_1'] })
    expect(await consumeNudges({ ...stage.platform, db: away }, [message])).toMatchObject({ retried: 1 })
    expect(message.retry).toHaveBeenCalledWith({ delaySeconds: 5 })
    expect(message.ack).not.toHaveBeenCalled()
  })
})

test('deliveries are kept for thirty days after their end, and so are those that wait for a paused endpoint', async () => {
  const { organizationId, endpointId } = await stage.endpoint()
  await stage.tell(organizationId, 4)
  await handOut(stage.platform, [organizationId])
  const [old, waits, fresh, young] = await stage.deliveries(endpointId)
  const change = (id: string | undefined, assignment: ReturnType<typeof sql>) =>
    stage.db.execute(sql`update webhook_deliveries set ${assignment} where id = ${id}`)
  await change(old?.id, sql`status = 'delivered', due_at = null, finished_at = now() - interval '31 days', attempts = 1`)
  await stage.db.insert(webhookAttempts).values({ deliveryId: old?.id ?? '', number: 1, durationMs: 1, outcome: 'delivered' })
  await change(waits?.id, sql`created_at = now() - interval '31 days'`)
  await change(
    fresh?.id,
    sql`created_at = now() - interval '40 days', status = 'failed', due_at = null, finished_at = now() - interval '29 days'`,
  )
  expect(await cleanUp(stage.db)).toEqual({ deleted: 2 })
  expect((await stage.deliveries(endpointId)).map(({ id }) => id)).toEqual([fresh?.id, young?.id])
  expect(await stage.db.$count(webhookAttempts)).toBe(0)
})

describe('in workerd', () => {
  let neon: Server
  let workers: TestHarness
  beforeAll(async () => {
    // Nothing is told or asked outside of this machine.
    vi.stubEnv('CLOUDFLARE_CF_FETCH_ENABLED', 'false')
    vi.stubEnv('WRANGLER_SEND_METRICS', 'false')
    neon = createNeonEndpoint(Number(new URL(stage.database.databaseUrl).port))
    await new Promise<void>((resolve) => neon.listen(0, '127.0.0.1', resolve))
    const address = neon.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const configPath = new URL('../../wrangler.toml', import.meta.url)
    const stores = { DATABASE_URL: stage.database.databaseUrl, NEON_ENDPOINT: `http://127.0.0.1:${port}` }
    const vars = { ...stores, ...kekSettings, ALLOWED_TARGETS: stage.receiver.origin }
    workers = createTestHarness({ workers: [{ configPath, env: 'webhooks', vars }] })
    await workers.listen()
  })
  afterAll(async () => {
    await workers?.close()
    neon?.close()
    neon?.closeAllConnections()
    vi.unstubAllEnvs()
  })

  test('an endpoint that never answers delays no other, and a delivery goes on after its Deliverer was begun', async () => {
    const { WEBHOOK_QUEUE } = await workers.getWorker<{ WEBHOOK_QUEUE: Queue<WebhookNudge> }>().getEnv()
    const dead = await stage.endpoint({ answer: () => undefined })
    const good = await stage.endpoint()
    const taken = ({ path }: TestEndpoint) => stage.receiver.taken(path).length
    const nudged = async (endpoint: TestEndpoint, events: number) => {
      await stage.tell(endpoint.organizationId, events)
      await WEBHOOK_QUEUE.send({ organizationIds: [dead.organizationId, endpoint.organizationId] })
    }
    await nudged(dead, 20)
    await vi.waitFor(() => expect(taken(dead)).toBe(4), 10_000)
    for (const [events, all] of [
      [3, 3],
      [5, 8],
    ] as const) {
      await nudged(good, events)
      const statuses = async () => (await stage.deliveries(good.endpointId)).map(({ status }) => status)
      await vi.waitFor(async () => expect(await statuses()).toEqual(Array(all).fill('delivered')), 10_000)
    }
    expect(taken(good)).toBe(8)
    expect(stage.receiver.faults).toEqual([])
    // All that while its four attempts have hung, and by no second Deliverer were there more.
    expect(taken(dead)).toBe(4)
    expect(await stage.attempts(dead.endpointId)).toEqual([])
  })
})
