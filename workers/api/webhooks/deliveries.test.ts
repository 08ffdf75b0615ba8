import { and, eq, isNull, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { customerEvents, webhookAttempts, webhookDeliveries, webhookEndpoints } from '#db/schema/index.ts'
import { maxReplayed, WebhookDelivery, WebhookReplayAnswer } from '#shared/contracts/api/webhooks.ts'
import { atOnce } from '../testing/at-once.ts'
import { auditOf } from '../testing/audit-of.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'
import { deliveryOf, webhookOf } from '../testing/webhook-of.ts'

let stage: Stage
let developer: TestPerson
let organizationId: string
let endpointId: string

beforeAll(async () => {
  stage = await setStage()
  developer = await stage.person()
})
afterAll(() => stage?.stop())
beforeEach(async () => {
  organizationId = await stage.organization([[developer, 'developer']])
  endpointId = await webhookOf(stage, organizationId)
  stage.nudges.length = 0
})

const call = (method: string, rest: string, body?: unknown) =>
  stage.call(method, `/api/organizations/${organizationId}/webhook-endpoints/${endpointId}${rest}`, { cookie: developer.cookie, body })

const delivery = (...made: Parameters<typeof deliveryOf> extends [Stage, object, ...infer Rest] ? Rest : never) =>
  deliveryOf(stage, { organizationId, endpointId }, ...made)

interface Page {
  data: WebhookDelivery[]
  next: string | null
}

/** The answer of a list, whose contract the endpoint itself keeps. */
async function list(query: string): Promise<Page> {
  const answer = await call('GET', `/deliveries${query}`)
  expect([query, answer.status]).toEqual([query, 200])
  return answer.json as Page
}

const day = (date: string) => new Date(`${date}T12:00:00Z`)
const delivered = { status: 'delivered', attempts: 1 } as const
const pending = { status: 'pending', dueAt: new Date('2030-01-01T00:00:00Z'), finishedAt: null } as const

test('deliveries are listed page by page, the newest first, and by status, type and time', async () => {
  const ids = [
    await delivery({ createdAt: day('2026-01-01') }),
    await delivery({ createdAt: day('2026-01-02'), ...delivered }, 'member.removed'),
    await delivery({ createdAt: day('2026-01-03'), ...pending, attempts: 2 }),
  ].reverse()
  const idsOf = async (query: string) => (await list(query)).data.map(({ deliveryId }) => ids.indexOf(deliveryId))
  const first = await list('?limit=2')
  const second = await list(`?limit=2&cursor=${first.next}`)
  expect([...first.data, ...second.data].map(({ deliveryId }) => deliveryId)).toEqual(ids)
  expect(second.next).toBeNull()
  const waiting = { status: 'pending', attemptCount: 2, nextAttemptAt: '2030-01-01T00:00:00.000Z', finishedAt: null, replay: 0 }
  expect(first.data[0]).toMatchObject({ ...waiting, eventType: 'byok.invalid', eventId: expect.stringMatching(/^evt_/) })
  expect(await idsOf('?status=failed')).toEqual([2])
  expect(await idsOf('?eventType=member.removed')).toEqual([1])
  expect(await idsOf('?from=2026-01-02&to=2026-01-02')).toEqual([1])
  expect(await idsOf('?from=2026-01-02T12:00:00Z&to=2026-01-03T12:00:00Z')).toEqual([1])
  expect(await idsOf('?from=2026-01-02')).toEqual([0, 1])
  for (const query of ['?status=lost', '?eventType=x', '?from=yesterday', '?limit=0', '?cursor=abc'])
    expect([query, (await call('GET', `/deliveries${query}`)).status]).toEqual([query, 400])
})

test('a cursor is of one endpoint, and what is of another endpoint or tenant does not exist', async () => {
  await Promise.all([delivery(), delivery()])
  const { next, data } = await list('?limit=1')
  const theirs = { organizationId, endpointId, deliveryId: data[0]?.deliveryId }
  const paths = [`/deliveries/${theirs.deliveryId}`, `/deliveries/${theirs.deliveryId}/replay`] as const
  for (const other of [organizationId, await stage.organization([[developer, 'owner']])]) {
    organizationId = other
    endpointId = await webhookOf(stage, organizationId)
    expect([(await call('GET', paths[0])).status, (await call('POST', paths[1])).status]).toEqual([404, 404])
    expect(await call('GET', `/deliveries?cursor=${next}`)).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
  }
  endpointId = theirs.endpointId
  const range = { from: '2000-01-01', to: '2100-01-01' }
  const answers = [
    await call('GET', ''),
    await call('GET', '/deliveries'),
    await call('GET', paths[0]),
    await call('PATCH', '', { status: 'paused' }),
    await call('POST', '/rotate-secret', {}),
    await call('POST', '/test'),
    await call('POST', '/replay', range),
    await call('POST', paths[1]),
    await call('DELETE', ''),
  ]
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404))
  const [row] = await stage.db.select().from(webhookEndpoints).where(eq(webhookEndpoints.id, theirs.endpointId))
  expect(row).toMatchObject({ status: 'active' })
  expect(await stage.db.$count(webhookDeliveries, eq(webhookDeliveries.endpointId, theirs.endpointId))).toBe(2)
})

test('a delivery is shown with what is sent, and what came of each attempt', async () => {
  const deliveryId = await delivery()
  const at = day('2026-01-01')
  await stage.db.insert(webhookAttempts).values([
    { deliveryId, number: 2, at, durationMs: 15_000, outcome: 'timeout', answer: 'No answer within 15 s.' },
    { deliveryId, number: 1, at, durationMs: 12, outcome: 'refused', status: 500, answer: 'oops\\x00' },
  ])
  const { json } = await call('GET', `/deliveries/${deliveryId}`)
  expect(json).toEqual({
    ...(await list('')).data[0],
    payload: {
      id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
      type: 'byok.invalid',
      version: 1,
      organizationId,
      createdAt: expect.any(String),
      data: { credentialId: 'byk_a' },
    },
    attempts: [
      { number: 1, at: at.toISOString(), durationMs: 12, outcome: 'refused', status: 500, answer: 'oops\\x00' },
      { number: 2, at: at.toISOString(), durationMs: 15_000, outcome: 'timeout', status: null, answer: 'No answer within 15 s.' },
    ],
  })
})

test('a replay is a further delivery of the same event, one at a time, and the webhooks Worker hears of it', async () => {
  const deliveryId = await delivery({ ...delivered })
  const [before] = (await list('')).data
  const replay = () => call('POST', `/deliveries/${deliveryId}/replay`)
  const [first, second] = await atOnce(stage, { table: 'organizations', id: organizationId }, [replay, replay])
  expect([first?.status, second?.status].sort()).toEqual([202, 409])
  expect(stage.nudges).toEqual([{ organizationIds: [organizationId] }])
  const [made] = (await list('')).data
  expect(made).toMatchObject({ eventId: before?.eventId, replay: 1, status: 'pending', attemptCount: 0 })
  expect(made?.deliveryId).not.toBe(deliveryId)
  await stage.db
    .update(webhookDeliveries)
    .set({ attempts: 1 })
    .where(eq(webhookDeliveries.id, made?.deliveryId ?? ''))
  expect(WebhookDelivery.parse((await replay()).json)).toMatchObject({ eventId: before?.eventId, replay: 2 })
  const audited = { action: 'webhook.delivery_replayed', actor: developer.userId, target: endpointId, after: { replayOf: deliveryId } }
  expect(await auditOf(stage, organizationId)).toMatchObject([audited, audited])
})

test('of a time, what was given up is delivered once more; all of it when asked; what is still pending never', async () => {
  const failed = await delivery({ createdAt: day('2026-01-02') })
  const done = await delivery({ createdAt: day('2026-01-02'), ...delivered })
  await delivery({ createdAt: day('2026-01-02'), ...pending, attempts: 3 })
  await delivery({ createdAt: day('2026-01-01') })
  await delivery({ createdAt: day('2026-01-03') })
  const replay = async (status?: string) => {
    const range = { from: '2026-01-02', to: '2026-01-02T23:59:59Z', ...(status && { status }) }
    return WebhookReplayAnswer.parse((await call('POST', '/replay', range)).json)
  }
  const replayedOf = async (deliveryId: string) => {
    const { data } = await list('?limit=200')
    const eventId = data.find((each) => each.deliveryId === deliveryId)?.eventId
    return data.filter((each) => each.eventId === eventId).map(({ replay: number, status }) => `${number} ${status}`)
  }
  expect(await replay()).toEqual({ replayed: 1, next: null })
  expect([await replayedOf(failed), await replayedOf(done)]).toEqual([['1 pending', '0 failed'], ['0 delivered']])
  expect(await replay()).toEqual({ replayed: 0, next: null })
  expect(await replay('all')).toEqual({ replayed: 1, next: null })
  expect(await replayedOf(done)).toEqual(['1 pending', '0 delivered'])
  const ended = { status: 'failed', dueAt: null, finishedAt: new Date() } as const
  await stage.db.update(webhookDeliveries).set(ended).where(eq(webhookDeliveries.replay, 1))
  expect(await replay('failed')).toEqual({ replayed: 2, next: null })
  expect(await replayedOf(failed)).toEqual(['2 pending', '1 failed', '0 failed'])
  expect(stage.nudges).toHaveLength(3)
  expect(await auditOf(stage, organizationId)).toMatchObject(
    [1, 1, 2].map((replayed) => ({ action: 'webhook.replayed', after: { replayed } })),
  )
})

test('a replay of more than so many goes on where it stopped, and delivers each event once', async () => {
  const count = maxReplayed + 3
  const event = sql`select ${organizationId}, 'byok.invalid', '{"credentialId":"byk_a"}' from generate_series(1, ${count}::integer)`
  await stage.db.execute(sql`
    with made as (insert into customer_events (organization_id, type, data) ${event} returning id)
    insert into webhook_deliveries (id, organization_id, endpoint_id, event, status, due_at, finished_at)
    select 'dlv_' || lpad(id::text, 26, '0'), ${organizationId}, ${endpointId}, id, 'failed', null, now() from made`)
  const range = { from: '2000-01-01', to: '2100-01-01', status: 'all' }
  const first = WebhookReplayAnswer.parse((await call('POST', '/replay', range)).json)
  expect(first).toEqual({ replayed: maxReplayed, next: expect.stringMatching(/^dlv_/) })
  const rest = WebhookReplayAnswer.parse((await call('POST', '/replay', { ...range, after: first.next })).json)
  expect(rest).toEqual({ replayed: 3, next: null })
  const isReplay = and(eq(webhookDeliveries.endpointId, endpointId), eq(webhookDeliveries.replay, 1))
  expect(await stage.db.$count(webhookDeliveries, isReplay)).toBe(count)
})

test('a test event is for the one endpoint that is tested, and the webhooks Worker hears of it', async () => {
  const answer = await call('POST', '/test')
  expect(answer.status).toBe(202)
  const waiting = and(eq(customerEvents.organizationId, organizationId), isNull(customerEvents.fannedOutAt))
  const [event] = await stage.db.select().from(customerEvents).where(waiting)
  expect(event).toMatchObject({ type: 'webhook.test', onlyEndpointId: endpointId, data: { endpointId } })
  expect(answer.json).toEqual({ eventId: event?.eventId })
  expect(stage.nudges).toEqual([{ organizationIds: [organizationId] }])
  expect(await auditOf(stage, organizationId)).toMatchObject([{ action: 'webhook.tested', after: { eventId: event?.eventId } }])
})

test('to a paused endpoint nothing is sent: neither tests nor replays', async () => {
  const deliveryId = await delivery()
  await call('PATCH', '', { status: 'paused' })
  for (const [rest, body] of [
    ['/test', undefined],
    ['/replay', { from: '2000-01-01', to: '2100-01-01' }],
    [`/deliveries/${deliveryId}/replay`, undefined],
  ] as const)
    expect([rest, (await call('POST', rest, body)).status]).toEqual([rest, 409])
  expect([stage.nudges, (await list('')).data]).toEqual([[], [expect.objectContaining({ deliveryId })]])
})
