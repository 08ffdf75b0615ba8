import Papa from 'papaparse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensurePartitions } from '#db/queries/ensure-partitions.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { apiKeys, managementKeys, models } from '#db/schema/index.ts'
import { adjustmentEvent, type EventChoice, settlementEvent } from '#db/testing/usage-events.ts'
import type { Role } from '#shared/access/roles.ts'
import { UsageReport } from '#shared/contracts/api/usage.ts'
import { newId } from '#shared/values/id.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
let people: Record<Role | 'stranger', TestPerson>
let organizationId: string
let keyIds: Record<'owner' | 'developer' | 'script' | 'operator', string>
let scriptId: string

const at = (text: string) => Date.parse(`${text}Z`)

beforeAll(async () => {
  stage = await setStage()
  const each = ['owner', 'admin', 'billing_admin', 'developer', 'viewer', 'stranger'] as const
  const made = await Promise.all(each.map(async (name) => [name, await stage.person()] as const))
  people = Object.fromEntries(made) as typeof people // Each name stands in `each`.
  organizationId = await stage.organization(made.flatMap(([name, person]) => (name === 'stranger' ? [] : [[person, name]])))
  await stage.organization([[people.stranger, 'owner']])
  scriptId = newId('mgk')
  const secret = { keyHash: 'a'.repeat(64), redacted: 'rrm_...' }
  await stage.db
    .insert(managementKeys)
    .values({ id: scriptId, organizationId, name: 'Deploy', role: 'admin', createdBy: people.owner.userId, ...secret })
  const makers = { owner: people.owner.userId, developer: people.developer.userId, script: scriptId, operator: 'ops@relay.test' }
  keyIds = { owner: newId('key'), developer: newId('key'), script: newId('key'), operator: newId('key') }
  for (const name of ['owner', 'developer', 'script', 'operator'] as const) await newKey(keyIds[name], `=${name}`, makers[name])
  await stage.db.insert(models).values({ id: 'gpt-known', kind: 'images', displayName: 'Known', contextTokens: 1, maxOutputTokens: 0 })
  await record({ keyId: keyIds.owner, model: 'gpt-known', costNanos: 100, settledAtMs: at('2026-01-31T23:59:59.999') })
  await record({ keyId: keyIds.owner, model: '+model', costNanos: 20, settledAtMs: at('2026-02-01T00:00:00') })
  await record({ keyId: keyIds.developer, model: 'gpt-known', costNanos: 3, settledAtMs: at('2026-02-01T00:59:59') })
  await record({ keyId: keyIds.script, model: 'gpt-known', costNanos: 4000, settledAtMs: at('2026-02-01T01:00:00') })
  await record({ keyId: keyIds.operator, model: 'gpt-known', costNanos: 50_000, settledAtMs: at('2026-02-03T12:00:00') })
})
afterAll(() => stage.stop())

async function newKey(id: string, name: string, createdBy: string): Promise<void> {
  const keyHash = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
  await stage.db.insert(apiKeys).values({ id, organizationId, name, keyHash, redacted: 'rr_...', createdBy })
}

async function record(choice: EventChoice): Promise<void> {
  await ensurePartitions(stage.db, [choice.settledAtMs ?? 0, (choice.settledAtMs ?? 0) - 86_400_000])
  await recordUsage(stage.db, [{ organizationId, events: [settlementEvent(choice)] }])
}

const whole = 'from=2026-01-31&to=2026-02-28'
const ask = (query: string, { cookie }: TestPerson = people.owner, path = 'usage') =>
  stage.call('GET', `/api/organizations/${organizationId}/${path}?${query}`, { cookie })

async function report(query: string, person?: TestPerson): Promise<UsageReport> {
  const answer = await ask(query, person)
  expect(answer.status, answer.text).toBe(200)
  return UsageReport.parse(answer.json)
}

const costs = ({ series }: UsageReport) => series.map(({ start, costNanos }) => [start.slice(0, 13), costNanos])
const groups = ({ series }: UsageReport) => series.map(({ group, costNanos }) => [group?.id, group?.name, costNanos])

describe('a report', () => {
  test.each([
    [
      'hour',
      'from=2026-01-31T23:30:00Z&to=2026-02-01T01:00:00Z',
      [
        ['2026-01-31T23', 100],
        ['2026-02-01T00', 23],
      ],
    ],
    ['hour', 'from=2026-02-01T01:00:00%2B01:00&to=2026-02-01T00:00:00.001Z', [['2026-02-01T00', 23]]],
    [
      'day',
      whole,
      [
        ['2026-01-31T00', 100],
        ['2026-02-01T00', 4023],
        ['2026-02-03T00', 50_000],
      ],
    ],
    ['day', 'from=2026-02-01&to=2026-02-01', [['2026-02-01T00', 4023]]],
    [
      'month',
      whole,
      [
        ['2026-01-01T00', 100],
        ['2026-02-01T00', 54_023],
      ],
    ],
    ['total', whole, [['2026-01-31T00', 54_123]]],
  ])('by %s of %s', async (granularity, period, expected) => {
    const found = await report(`${period}&granularity=${granularity}`)
    expect(costs(found)).toEqual(expected)
    expect(found.totals.costNanos).toBe(expected.reduce((sum, [, nanos]) => sum + Number(nanos), 0))
  })

  test('says what it is about: the whole hours or days of what was asked for', async () => {
    const { from, to, totals } = await report('from=2026-02-01T10:30:00Z&to=2026-02-03T00:00:00.001Z')
    expect([from, to]).toEqual(['2026-02-01T00:00:00.000Z', '2026-02-04T00:00:00.000Z'])
    expect(totals).toEqual({
      requests: 4,
      inputTokens: 400,
      cacheReadTokens: 0,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
      outputTokens: 200,
      reasoningTokens: 0,
      costNanos: 54_023,
    })
  })

  test('of each grouping names its groups, the costliest first', async () => {
    const by = async (grouping: string) => groups(await report(`${whole}&granularity=total&groupBy=${grouping}`))
    const { owner, developer, script, operator } = keyIds
    expect(await by('none')).toEqual([[undefined, undefined, 54_123]])
    expect(await by('model')).toEqual([
      ['gpt-known', 'Known', 54_103],
      ['+model', null, 20],
    ])
    expect(await by('kind')).toEqual([
      ['images', null, 54_103],
      ['other', null, 20],
    ])
    expect(await by('key')).toEqual([
      [operator, '=operator', 50_000],
      [script, '=script', 4000],
      [owner, '=owner', 120],
      [developer, '=developer', 3],
    ])
    const members = await by('member')
    expect(members).toEqual([
      [null, null, 50_000],
      [scriptId, 'Deploy', 4000],
      [people.owner.userId, 'Test', 120],
      [people.developer.userId, 'Test', 3],
    ])
    expect(JSON.stringify(members)).not.toContain('ops@')
  })

  test('of a model, a key and a member is theirs alone', async () => {
    const total = async (filter: string) => (await report(`${whole}&granularity=month&${filter}`)).totals.costNanos
    expect(await total('model=%2Bmodel')).toBe(20)
    expect(await total(`keyId=${keyIds.script}`)).toBe(4000)
    expect(await total(`memberId=${scriptId}`)).toBe(4000)
    expect(await total(`memberId=${people.owner.userId}&keyId=${keyIds.script}`)).toBe(0)
    expect(await total(`memberId=${people.owner.userId}&model=gpt-known`)).toBe(100)
    expect(await total('keyId=key_of_nobody')).toBe(0)
  })

  test('follows an adjustment into its hour', async () => {
    const id = await stage.organization([[people.admin, 'owner']])
    const requestId = newId('req')
    const choice = { requestId, costNanos: 400, settledAtMs: at('2026-01-31T23:59:59'), startedAtMs: at('2026-01-31T23:59:00') }
    await recordUsage(stage.db, [{ organizationId: id, events: [settlementEvent(choice)] }])
    const truth = { ...choice, costNanos: 150, amountNanos: 250, settledAtMs: at('2026-02-02T08:00:00') }
    await recordUsage(stage.db, [{ organizationId: id, events: [adjustmentEvent(truth)] }])
    const { cookie } = people.admin
    const answer = await stage.call('GET', `/api/organizations/${id}/usage?from=2026-01-30&to=2026-02-02&granularity=hour`, { cookie })
    expect(costs(UsageReport.parse(answer.json))).toEqual([['2026-01-31T23', 150]])
  })
})

describe('who sees what', () => {
  test('a developer sees the keys they made, and no others whatever they ask', async () => {
    const { developer } = people
    expect((await report(whole, developer)).totals.costNanos).toBe(3)
    expect(groups(await report(`${whole}&granularity=total&groupBy=member`, developer))).toEqual([[developer.userId, 'Test', 3]])
    for (const filter of [`keyId=${keyIds.owner}`, `memberId=${people.owner.userId}`])
      expect((await report(`${whole}&${filter}`, developer)).totals.requests, filter).toBe(0)
    const { text } = await ask(`${whole}&groupBy=key`, developer, 'usage.csv')
    expect(text).toContain(keyIds.developer)
    expect(text).not.toContain(keyIds.owner)
  })

  test('a viewer sees sums of the whole, and may not tell them apart', async () => {
    const { viewer } = people
    expect((await report(`${whole}&granularity=month`, viewer)).totals.costNanos).toBe(54_123)
    for (const query of ['groupBy=key', 'groupBy=member', 'groupBy=model', `keyId=${keyIds.owner}`, `memberId=${people.owner.userId}`]) {
      for (const path of ['usage', 'usage.csv'])
        expect(await ask(`${whole}&${query}`, viewer, path), query).toMatchObject({ status: 403, json: { code: 'access_denied' } })
    }
  })

  test('billing admins see all, strangers nothing, and nobody is asked to sign in', async () => {
    expect(groups(await report(`${whole}&granularity=total&groupBy=key`, people.billing_admin))).toHaveLength(4)
    expect((await ask(whole, people.stranger)).status).toBe(404)
    expect((await stage.call('GET', `/api/organizations/${organizationId}/usage`)).status).toBe(401)
  })
})

test.each([
  'from=yesterday',
  'from=2026-02-30',
  'from=0000-01-01&to=0000-01-02',
  'from=9999-12-31&to=9999-12-31',
  'from=2026-02-02&to=2026-02-01',
  'from=2026-02-01T00:00:00Z&to=2026-02-01T00:00:00Z',
  'from=2026-01-01&to=2026-02-02&granularity=hour',
  'from=2025-01-01&to=2026-02-01',
  'from=2020-01-01&to=2026-02-01&granularity=total',
  'granularity=week',
  'groupBy=__proto__',
  'model=',
  'model=nul%00byte',
  'model=%ED%A0%80',
  'keyId=1%27%20or%20true',
  'memberId=org_x',
  'unknown=1',
  'from=2026-01-01&from=2026-01-02',
])('%s is refused', async (query) => {
  for (const path of ['usage', 'usage.csv']) {
    const { status } = await ask(query, people.owner, path)
    // What is no UTF-8 was made a replacement character on the way, and such a model has no usage.
    expect(status).toBe(query === 'model=%ED%A0%80' ? 200 : 400)
  }
})

test('as CSV the series is the same, and a text is no formula', async () => {
  const query = `${whole}&groupBy=key&granularity=day`
  const answer = await ask(query, people.owner, 'usage.csv')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="usage-2026-01-31-2026-02-28.csv"')
  const { data } = Papa.parse<Record<string, string>>(answer.text, { header: true, skipEmptyLines: true })
  const { series } = await report(query)
  expect(data).toEqual(
    series.map(({ start, group, ...sums }) => {
      const texts = Object.entries(sums).map(([name, sum]) => [name, String(sum)])
      return { start, key: group?.id, keyName: `'${group?.name}`, ...Object.fromEntries(texts) }
    }),
  )
})

test('as CSV a series has more points than an answer, and goes on over every part of the period', async () => {
  const expected: number[] = []
  const id = await stage.organization([[people.admin, 'owner']])
  await stage.database.pool.query(
    `insert into usage_hourly select $1, 'key_' || k, 'm', timestamptz '2026-03-01Z' + make_interval(hours => h), 1, 0, 0, 0, 0, 0, 0, h * 100 + k
     from generate_series(0, 24 * 31 - 1) h, generate_series(1, 14) k`,
    [id],
  )
  const path = `/api/organizations/${id}/usage`
  const query = 'from=2026-03-01&to=2026-03-31&granularity=hour&groupBy=key'
  expect((await stage.call('GET', `${path}?${query}`, { cookie: people.admin.cookie })).status).toBe(400)
  const { text } = await stage.call('GET', `${path}.csv?${query}`, { cookie: people.admin.cookie })
  const { data } = Papa.parse<Record<string, string>>(text, { header: true, skipEmptyLines: true })
  for (let hour = 0; hour < 24 * 31; hour++) for (let key = 14; key > 0; key--) expected.push(hour * 100 + key)
  expect(data.map(({ costNanos }) => Number(costNanos))).toEqual(expected)
})
