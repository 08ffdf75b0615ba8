import fc from 'fast-check'
import Papa from 'papaparse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensurePartitions, monthsFrom } from '#db/queries/ensure-partitions.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { apiKeys } from '#db/schema/index.ts'
import { type EventChoice, settlementEvent, usedEvent } from '#db/testing/usage-events.ts'
import { pageOf } from '#shared/contracts/api/page.ts'
import { RequestDetail, RequestLine } from '#shared/contracts/api/requests.ts'
import type { Settlement, UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'
import { csvOf } from './csv.ts'
import { writeLogCursor } from './cursor.ts'

const Page = pageOf(RequestLine)
const minuteMs = 60_000

let stage: Stage
let owner: TestPerson
let developer: TestPerson
let viewer: TestPerson
let stranger: TestPerson

beforeAll(async () => {
  stage = await setStage()
  await ensurePartitions(stage.db, monthsFrom(Date.UTC(2026, 0), 4))
  owner = await stage.person()
  developer = await stage.person()
  viewer = await stage.person()
  stranger = await stage.person()
})
afterAll(() => stage.stop())

const newOrganization = () =>
  stage.organization([
    [owner, 'owner'],
    [developer, 'developer'],
    [viewer, 'viewer'],
  ])

async function newKey(organizationId: string, { userId }: TestPerson): Promise<string> {
  const id = newId('key')
  const keyHash = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
  await stage.db.insert(apiKeys).values({ id, organizationId, name: 'Test', keyHash, redacted: 'rr_...', createdBy: userId })
  return id
}

/** A request that began at this moment, as the relay makes it. */
function requestAt(startedAtMs: number, choice: EventChoice = {}, changes: Partial<Settlement> = {}): UsageEvent {
  const event = settlementEvent({ requestId: newId('req', startedAtMs), startedAtMs, settledAtMs: startedAtMs + 800, ...choice })
  return { ...event, settlement: { ...event.settlement, ...changes } }
}

const record = (organizationId: string, ...events: UsageEvent[]) => recordUsage(stage.db, [{ organizationId, events }])
const idsOf = (events: UsageEvent[]) => events.map(({ request }) => request.requestId)

const ask = (organizationId: string, query = '', { cookie }: TestPerson = owner, path = 'requests') =>
  stage.call('GET', `/api/organizations/${organizationId}/${path}?${query}`, { cookie })

async function list(organizationId: string, query = '', person = owner) {
  const answer = await ask(organizationId, query, person)
  expect(answer.status, answer.text).toBe(200)
  return Page.parse(answer.json)
}

/** Every page until there is no next one. */
async function walk(
  organizationId: string,
  query: string,
  between: () => Promise<unknown> = async () => undefined,
): Promise<RequestLine[]> {
  const lines: RequestLine[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: Awaited<ReturnType<typeof list>> = await list(organizationId, `${query}${cursor && `&cursor=${cursor}`}`)
    lines.push(...page.data)
    cursor = page.next
    await between()
  }
  return lines
}

describe('the log', () => {
  test('shows a line with cost, tokens, times, route and attempts', async () => {
    const organizationId = await newOrganization()
    const keyId = await newKey(organizationId, owner)
    const event = requestAt(Date.UTC(2026, 2, 1), { keyId, costNanos: 1_234 }, { estimated: true })
    await record(organizationId, event)
    const { request } = event
    expect(await list(organizationId)).toEqual({
      data: [
        {
          requestId: request.requestId,
          createdAt: '2026-03-01T00:00:00.000Z',
          keyId,
          model: 'gpt-relay-fast',
          method: 'POST',
          path: '/v1/chat/completions',
          status: 200,
          outcome: 'completed',
          provider: 'scripted',
          byok: false,
          credentialId: null,
          inputTokens: 100,
          outputTokens: 50,
          costNanos: 1_234,
          estimated: true,
          latencyMs: 800,
          timeToFirstTokenMs: 120,
          attemptCount: 1,
          clientIp: '203.0.113.7',
          userAgent: request.userAgent,
        },
      ],
      next: null,
    })
  })

  test('is walked newest first, over months and equal moments, each line once, while new lines arrive', async () => {
    const organizationId = await newOrganization()
    const neighbour = await newOrganization()
    const startMs = Date.UTC(2026, 0, 31, 23, 58)
    const events = Array.from({ length: 23 }, (_, n) => requestAt(startMs + Math.floor(n / 3) * minuteMs))
    await record(organizationId, ...events)
    await record(neighbour, ...events.map((event) => ({ ...event, request: { ...event.request, requestId: newId('req') } })))
    for (const limit of [1, 2, 5, 22, 23, 24]) {
      const found = await walk(organizationId, `to=2026-03-01&limit=${limit}`, () =>
        record(organizationId, requestAt(Date.UTC(2026, 2, 2))),
      )
      const expected = events.toSorted((one, other) => {
        const later = other.request.startedAtMs - one.request.startedAtMs
        return later !== 0 ? later : other.request.requestId < one.request.requestId ? -1 : 1
      })
      expect(found.map(({ requestId }) => requestId)).toEqual(idsOf(expected))
    }
  })

  test('with a filter has exactly the lines that fit, page by page, whatever the filters', async () => {
    const organizationId = await newOrganization()
    const keys = [await newKey(organizationId, owner), await newKey(organizationId, owner), await newKey(organizationId, developer)]
    const [models, outcomes, statuses] = [
      ['gpt-a', 'claude-b'],
      ['completed', 'client_left', 'upstream_error'] as const,
      [200, 204, 429, 500, null],
    ]
    const pick = <Value>(values: readonly Value[], n: number): Value => values[n % values.length] as Value // Not empty.
    const events = Array.from({ length: 90 }, (_, n) => {
      const outcome = n % 2 === 0 ? 'completed' : pick(outcomes, n * 7)
      const choice = { keyId: pick(keys, n * 5 + (n >> 3)), model: pick(models, n >> 2) }
      return requestAt(Date.UTC(2026, 0, 31) + n * 30 * minuteMs, choice, {
        end: outcome,
        status: pick(statuses, n >> 1),
        estimated: n % 11 === 0,
      })
    })
    await record(organizationId, ...events)
    const filters = fc.record(
      {
        keyId: fc.constantFrom(...keys),
        memberId: fc.constantFrom(owner.userId, developer.userId),
        model: fc.constantFrom(...models),
        status: fc.constantFrom('200', '429', '2xx', '4xx', '5xx', 'none'),
        outcome: fc.constantFrom(...outcomes),
        estimated: fc.constantFrom('true', 'false'),
        from: fc.constantFrom('2026-01-31T05:00:00Z', '2026-02-01'),
        to: fc.constantFrom('2026-01-31', '2026-02-01T10:00:00Z'),
      },
      { requiredKeys: [] },
    )
    const fits = (event: UsageEvent, filter: Partial<Record<string, string>>) => {
      const { request, settlement } = event
      const status = settlement.status === null ? 'none' : String(settlement.status)
      const makers = { [owner.userId]: keys.slice(0, 2), [developer.userId]: keys.slice(2) }
      const toMs = filter.to === '2026-01-31' ? Date.UTC(2026, 1, 1) : Date.parse(filter.to ?? '2100-01-01')
      return (
        (filter.keyId ?? request.keyId) === request.keyId &&
        (filter.memberId === undefined || makers[filter.memberId]?.includes(request.keyId) === true) &&
        (filter.model ?? request.model) === request.model &&
        (filter.status === undefined || filter.status === status || filter.status === `${status[0]}xx`) &&
        (filter.outcome ?? settlement.end) === settlement.end &&
        (filter.estimated ?? String(settlement.estimated)) === String(settlement.estimated) &&
        request.startedAtMs >= Date.parse(filter.from ?? '2000-01-01') &&
        request.startedAtMs < toMs
      )
    }
    await fc.assert(
      fc.asyncProperty(filters, fc.constantFrom(7, 40), async (filter, limit) => {
        const query = new URLSearchParams(Object.entries(filter)).toString()
        const found = await walk(organizationId, `${query}&limit=${limit}`)
        expect(found.map(({ requestId }) => requestId)).toEqual(idsOf(events.filter((event) => fits(event, filter)).toReversed()))
      }),
      { numRuns: 40 },
    )
  })

  test('goes on behind a page that found nothing among very many lines', async () => {
    const organizationId = await newOrganization()
    const needle = requestAt(Date.UTC(2026, 2, 1), {}, { status: 204 })
    await record(organizationId, needle)
    await stage.database.pool.query(
      `insert into request_logs (request_id, organization_id, key_id, model, method, path, status, outcome, latency_ms, client_ip, user_agent, created_at)
       select 'req_' || n, $1, 'key', 'm', 'POST', '/', 200, 'completed', 1, '', '', timestamptz '2026-03-02Z' + make_interval(secs => n)
       from generate_series(1, 2500) n`,
      [organizationId],
    )
    const first = await list(organizationId, 'status=204')
    expect(first).toMatchObject({ data: [], next: expect.any(String) })
    expect((await list(organizationId, `status=204&cursor=${first.next}`)).data.map(({ requestId }) => requestId)).toEqual(idsOf([needle]))
  })

  test('of two keys keeps their order, also when one is walked far less deep in time than the other', async () => {
    const organizationId = await newOrganization()
    const [busy, quiet] = [await newKey(organizationId, owner), await newKey(organizationId, owner)]
    const at = (minutes: number, keyId: string, status: number) =>
      requestAt(Date.UTC(2026, 2, 1) + minutes * minuteMs, { keyId }, { status })
    const sought = [at(0, quiet, 204), at(1, quiet, 204), at(50, busy, 204)]
    await record(organizationId, ...sought, ...Array.from({ length: 99 }, (_, n) => at(n + 51, busy, 200)))
    const found = await walk(organizationId, `memberId=${owner.userId}&status=204&limit=7`)
    expect(found.map(({ requestId }) => requestId)).toEqual(idsOf(sought.toReversed()))
  })
})

describe('who sees what', () => {
  const setScene = async () => {
    const organizationId = await newOrganization()
    const [own, other] = [await newKey(organizationId, developer), await newKey(organizationId, owner)]
    const events = [requestAt(Date.now() - 2, { keyId: own }), requestAt(Date.now() - 1, { keyId: other })] as const
    await record(organizationId, ...events)
    return { organizationId, own, other, events }
  }

  test('a developer sees requests of the keys they made; any other is not there', async () => {
    const { organizationId, own, other, events } = await setScene()
    expect((await list(organizationId, '', developer)).data.map(({ keyId }) => keyId)).toEqual([own])
    expect((await list(organizationId, `keyId=${other}`, developer)).data).toEqual([])
    expect((await list(organizationId, `memberId=${owner.userId}`, developer)).data).toEqual([])
    expect((await ask(organizationId, '', developer, `requests/${events[0].request.requestId}`)).status).toBe(200)
    expect((await ask(organizationId, '', developer, `requests/${events[1].request.requestId}`)).status).toBe(404)
    expect((await ask(organizationId, '', developer, 'requests.csv')).text).not.toContain(other)
  })

  test('a viewer sees neither keys nor addresses nor clients, in no form', async () => {
    const { organizationId, own, events } = await setScene()
    const answers = await Promise.all(
      ['requests', 'requests.csv', `requests/${events[0].request.requestId}`].map((path) => ask(organizationId, '', viewer, path)),
    )
    for (const { status, text } of answers) {
      expect(status).toBe(200)
      expect(text).toContain('gpt-relay-fast')
      for (const secret of ['key_', '203.0.113.7', 'agent', 'keyId', 'clientIp', 'credentialId']) expect(text).not.toContain(secret)
    }
    expect((await ask(organizationId, `keyId=${own}`, viewer)).status).toBe(403)
    expect((await ask(organizationId, `memberId=${owner.userId}`, viewer, 'requests.csv')).status).toBe(403)
  })

  test("another tenant's log and request do not exist", async () => {
    const { organizationId, events } = await setScene()
    const theirs = await stage.organization([[stranger, 'owner']])
    for (const path of ['requests', 'requests.csv', `requests/${events[0].request.requestId}`])
      expect((await ask(organizationId, '', stranger, path)).status).toBe(404)
    expect((await ask(theirs, '', stranger, `requests/${events[0].request.requestId}`)).status).toBe(404)
    for (const id of ['req_1', newId('req'), 'key_1', '%00'])
      expect((await ask(organizationId, '', owner, `requests/${id}`)).status).toBe(404)
  })

  test('a cursor of another tenant or list, and what is none, is refused', async () => {
    const { organizationId, events } = await setScene()
    const place = { createdAtMs: Date.now(), requestId: events[1].request.requestId }
    const of = (text: string) => Buffer.from(text).toString('base64url')
    expect((await list(organizationId, `cursor=${writeLogCursor(organizationId, place)}`)).data).toHaveLength(2)
    const forged = [
      writeLogCursor(await newOrganization(), place),
      of(`requests ${organizationId} 99999999999999 req_1`),
      of(`requests ${organizationId} 1 req_1' or true`),
      of(`members ${organizationId} 1 req_1`),
      of('\uD800'),
      'AA',
      'A=',
      '!',
      'a'.repeat(501),
    ]
    for (const cursor of forged) expect((await ask(organizationId, `cursor=${cursor}`)).status, cursor).toBe(400)
  })
})

test.each([
  'status=99',
  'status=200 or 1',
  'status=6xx',
  'outcome=lost',
  'estimated=1',
  'limit=201',
  'limit=0',
  'from=1',
  'model=%00',
  'cursor=',
])('%s is refused', async (query) => {
  const organizationId = await newOrganization()
  expect((await ask(organizationId, query)).status).toBe(400)
})

test('one request is shown with its attempts, usage, cost and price version', async () => {
  const organizationId = await newOrganization()
  const keyId = await newKey(organizationId, owner)
  const event = usedEvent(
    [
      ['byk_1', 'overloaded'],
      ['byk_2', 'answered'],
    ],
    { keyId, requestId: newId('req') },
  )
  await record(organizationId, event)
  const { json } = await ask(organizationId, '', owner, `requests/${event.request.requestId}`)
  const attempt = { upstream: 'scripted', routeId: 'rte_test', status: null, latencyMs: 9 }
  expect(RequestDetail.parse(json)).toMatchObject({
    requestId: event.request.requestId,
    keyId,
    byok: true,
    credentialId: 'byk_2',
    priceVersionId: 'prc_test',
    costNanos: 0,
    usage: { inputTokens: 100, cacheReadTokens: 0, outputTokens: 50 },
    attempts: [
      { ...attempt, outcome: 'overloaded' },
      { ...attempt, outcome: 'answered' },
    ],
  })
  expect((await list(organizationId)).data).toMatchObject([{ attemptCount: 2, byok: true, credentialId: 'byk_2' }])
})

describe('a CSV', () => {
  test('of more lines than are in memory has each once, newest first, and of too many the newest', async () => {
    const organizationId = await newOrganization()
    const many = 50_500
    await stage.database.pool.query(
      `insert into request_logs (request_id, organization_id, key_id, model, method, path, status, outcome, latency_ms, client_ip, user_agent, created_at)
       select 'req_' || lpad(n::text, 9, '0'), $1, 'key', 'm', 'POST', '/', 200, 'completed', 1, '', '=HYPERLINK("x")', timestamptz '2026-02-01Z' + make_interval(secs => n / 2)
       from generate_series(1, $2::int) n`,
      [organizationId, many],
    )
    const answer = await ask(organizationId, '', owner, 'requests.csv')
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="requests.csv"')
    const { data } = Papa.parse<Record<string, string>>(answer.text, { header: true, skipEmptyLines: true })
    expect(data.map(({ requestId }) => requestId)).toEqual(
      Array.from({ length: 50_000 }, (_, n) => `req_${String(many - n).padStart(9, '0')}`),
    )
    expect(data[0]).toMatchObject({ userAgent: '\'=HYPERLINK("x")', latencyMs: '1', status: '200', costNanos: '0', inputTokens: '' })
  })

  test.each([
    ['=1+1', `"'=1+1"`],
    ['+1', `"'+1"`],
    ['-1', `"'-1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['\t=1', `"'\t=1"`],
    ['\r=1', `"'\r=1"`],
    ['\n=1', `"'\n=1"`],
    ['=1\n+2', `"'=1\n+2"`],
    ['＝1', `"'＝1"`],
    ['a"b', '"a""b"'],
    ['a,=b', '"a,=b"'],
    ['plain', 'plain'],
    [-5, '-5'],
    [0, '0'],
    [null, ''],
    [true, 'true'],
  ])('writes %j as %j', (cell, written) => {
    expect(csvOf([[cell, 'next']])).toBe(`${written},next\r\n`)
  })
})
