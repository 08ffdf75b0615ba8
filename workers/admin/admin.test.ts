import { afterAll, beforeAll, describe, test } from 'vitest'
import { CreatedCustomer, CustomerDetail } from '#shared/contracts/customer.ts'
import { CreatedCustomerKey, CustomerKeyList } from '#shared/contracts/customer-key.ts'
import { hashApiKey } from '#shared/values/api-key.ts'
import { type Stage, setStage } from './testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())

async function newCustomer(body: object = {}): Promise<CreatedCustomer> {
  return CreatedCustomer.parse((await stage.call('POST', '/customers', body)).json)
}

async function detail(organizationId: string): Promise<CustomerDetail> {
  return CustomerDetail.parse((await stage.call('GET', `/customers/${organizationId}`)).json)
}

describe('customers', () => {
  test('a new customer has its credit as a ledger entry, and a key of which only the hash is stored', async ({ expect }) => {
    const created = await newCustomer({ name: 'Ada', creditNanos: 10_000_000, overdraftNanos: 5, limits: { requestsPerMinute: 7 } })
    const seen = await detail(created.organizationId)
    expect(seen).toMatchObject({
      name: 'Ada',
      balanceNanos: 10_000_000,
      overdraftNanos: 5,
      limits: { requestsPerMinute: 7 },
      status: 'active',
    })
    expect(seen.keys.map((key) => key.keyId)).toEqual([created.keyId])
    const entries = await stage.database.pool.query(
      'select amount_nanos, kind, event_id, reason from ledger_entries where organization_id = $1',
      [created.organizationId],
    )
    expect(entries.rows).toEqual([
      {
        amount_nanos: '10000000',
        kind: 'credit',
        event_id: `credit:opening:${created.organizationId}`,
        reason: 'opening credit (operator.access)',
      },
    ])
    const keys = await stage.database.pool.query('select k.*, key_hash from api_keys k where organization_id = $1', [
      created.organizationId,
    ])
    expect(keys.rows[0].key_hash).toBe(await hashApiKey(created.apiKey))
    expect(JSON.stringify(keys.rows)).not.toContain(created.apiKey)
  })

  test('a failure in the middle of creation leaves no customer behind', async ({ expect }) => {
    const { createCustomer } = await import('#db/queries/create-customer.ts')
    const key = { keyId: 'key_half', name: 'k', keyHash: 'not a hash', redacted: 'r' }
    const credit = { amountNanos: 5, eventId: 'credit:half', reason: 'x' }
    const customer = { organizationId: 'org_half', name: 'x', overdraftNanos: 0, lowBalanceNanos: null, limits: {}, key, credit }
    await expect(createCustomer(stage.database.db, customer)).rejects.toThrow()
    expect((await stage.call('GET', '/customers/org_half')).status).toBe(404)
    const entries = await stage.database.pool.query("select 1 from ledger_entries where event_id = 'credit:half'")
    expect(entries.rows).toEqual([])
  })

  test('a customer shows what the ledger object sees, and opens without it', async ({ expect }) => {
    const { organizationId } = await newCustomer()
    const standing = {
      availableNanos: 60,
      requestsPerMinute: null,
      tokensPerMinute: null,
      requestsPerDay: null,
      concurrency: null,
      spendPerDay: null,
      spendPerMonth: null,
    }
    stage.ledger.standing = { outcome: 'known', standing, heldNanos: 30, unconfirmedNanos: 10 }
    expect((await detail(organizationId)).ledger).toEqual({ heldNanos: 30, unconfirmedNanos: 10, availableNanos: 60 })
    stage.ledger.broken = true
    expect(await detail(organizationId)).toMatchObject({ ledger: null, ledgerNote: 'the ledger object could not be reached' })
    stage.ledger.broken = false
  })

  test('limits and status reach the ledger object with a newer version', async ({ expect }) => {
    const { organizationId } = await newCustomer()
    const before = (await detail(organizationId)).version
    const limits = await stage.call('PUT', `/customers/${organizationId}/limits`, { limits: { concurrency: 3 }, overdraftNanos: 9 })
    expect(limits.json).toEqual({ organizationId, pushed: true })
    await stage.call('PUT', `/customers/${organizationId}/status`, { status: 'suspended' })
    const last = stage.ledger.pushed.at(-1)
    expect(last).toMatchObject({ organizationId, status: 'suspended', limits: { concurrency: 3 }, overdraftNanos: 9 })
    expect(last?.version).toBeGreaterThan(before)
  })

  test('a change that the ledger object did not hear of stands, and says so', async ({ expect }) => {
    const { organizationId } = await newCustomer()
    stage.ledger.broken = true
    const answer = await stage.call('PUT', `/customers/${organizationId}/status`, { status: 'suspended' })
    stage.ledger.broken = false
    expect(answer).toMatchObject({ status: 200, json: { pushed: false } })
    expect((await detail(organizationId)).status).toBe('suspended')
  })

  test('the list shows every customer', async ({ expect }) => {
    const { organizationId } = await newCustomer()
    const answer = await stage.call('GET', '/customers')
    expect(answer.json).toMatchObject({ customers: expect.arrayContaining([expect.objectContaining({ organizationId })]), next: null })
  })
})

describe('credits', () => {
  test('the same idempotency key credits once, and refuses another amount or customer', async ({ expect }) => {
    const { organizationId } = await newCustomer()
    const other = await newCustomer()
    const wanted = { amountNanos: 100, reason: 'goodwill', idempotencyKey: `k-${organizationId}` }
    const path = `/customers/${organizationId}/credits`
    expect((await stage.call('POST', path, wanted)).json).toMatchObject({ balanceNanos: 100, replayed: false, pushed: true })
    expect((await stage.call('POST', path, wanted)).json).toMatchObject({ balanceNanos: 100, replayed: true })
    expect((await stage.call('POST', path, { ...wanted, amountNanos: 101 })).status).toBe(409)
    expect((await stage.call('POST', `/customers/${other.organizationId}/credits`, wanted)).status).toBe(409)
    expect((await detail(organizationId)).balanceNanos).toBe(100)
  })

  test('the object hears of a credit that is asked for again, when it did not hear the first time', async ({ expect }) => {
    const { organizationId } = await newCustomer()
    const wanted = { amountNanos: 100, reason: 'goodwill', idempotencyKey: `deaf-${organizationId}` }
    const path = `/customers/${organizationId}/credits`
    stage.ledger.broken = true
    expect((await stage.call('POST', path, wanted)).json).toMatchObject({ balanceNanos: 100, replayed: false, pushed: false })
    stage.ledger.broken = false
    expect((await stage.call('POST', path, wanted)).json).toMatchObject({ balanceNanos: 100, replayed: true, pushed: true })
    expect(stage.ledger.pushed.at(-1)).toMatchObject({ organizationId, balanceNanos: 100 })
  })

  test('twenty copies at once credit once', async ({ expect }) => {
    const { organizationId } = await newCustomer()
    const wanted = { amountNanos: 7, reason: 'goodwill', idempotencyKey: `many-${organizationId}` }
    const answers = await Promise.all(Array.from({ length: 20 }, () => stage.call('POST', `/customers/${organizationId}/credits`, wanted)))
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200))
    expect((await detail(organizationId)).balanceNanos).toBe(7)
  })

  test('a negative amount debits, zero and fractions are refused, a balance out of range is refused whole', async ({ expect }) => {
    const { organizationId } = await newCustomer({ creditNanos: 50 })
    const post = (amountNanos: number) =>
      stage.call('POST', `/customers/${organizationId}/credits`, {
        amountNanos,
        reason: 'test',
        idempotencyKey: `${organizationId}${amountNanos}`,
      })
    expect((await post(-80)).json).toMatchObject({ balanceNanos: -30 })
    expect((await post(0)).status).toBe(400)
    expect((await post(0.5)).status).toBe(400)
    expect((await post(4_500_000_000_000_000)).status).toBe(200)
    expect((await post(4_499_999_999_999_999)).status).toBe(422)
    const reconciled = await stage.call('POST', '/reconciliations', { organizationId })
    expect(reconciled.json).toEqual({ differences: [] })
  })
})

describe('keys', () => {
  test('a key is made, listed, limited and revoked; another customer cannot touch it', async ({ expect }) => {
    const { organizationId, keyId: firstKeyId } = await newCustomer()
    const other = await newCustomer()
    const path = `/customers/${organizationId}/keys`
    const wanted = { name: 'CI', limits: { concurrency: 1 }, allowedModels: ['gpt-a', 'gpt "b",{}'], expiresAt: '2027-01-01T00:00:00Z' }
    const created = CreatedCustomerKey.parse((await stage.call('POST', path, wanted)).json)
    expect(stage.ledger.pushed.at(-1)?.keys.find((key) => key.keyId === created.keyId)).toEqual({
      keyId: created.keyId,
      limits: { concurrency: 1 },
      allowedModels: ['gpt-a', 'gpt "b",{}'],
      expiresAtMs: Date.parse('2027-01-01'),
    })
    expect((await stage.call('PUT', `${path}/${created.keyId}/limits`, { limits: { concurrency: 2 } })).status).toBe(200)
    expect((await stage.call('DELETE', `/customers/${other.organizationId}/keys/${created.keyId}`)).status).toBe(404)
    expect((await stage.call('DELETE', `${path}/${created.keyId}`)).json).toEqual({ organizationId, keyId: created.keyId, pushed: true })
    expect((await stage.call('DELETE', `${path}/${created.keyId}`)).status).toBe(404)
    expect(stage.ledger.pushed.at(-1)?.keys.map((key) => key.keyId)).toEqual([firstKeyId])
    const { keys } = CustomerKeyList.parse((await stage.call('GET', path)).json)
    const listed = keys.find((key) => key.keyId === created.keyId)
    expect(listed).toMatchObject({
      name: 'CI',
      redactedKey: created.redactedKey,
      limits: { concurrency: 2 },
      expiresAt: '2027-01-01T00:00:00.000Z',
    })
    expect(listed?.revokedAt).not.toBeNull()
    expect(JSON.stringify(keys)).not.toContain(created.apiKey)
  })
})

describe('usage, models, reconciliation', () => {
  test('usage covers the days asked for', async ({ expect }) => {
    const { organizationId, keyId } = await newCustomer()
    const insert = `insert into usage_daily values ($1, $2, 'gpt-a', $3, 2, 10, 0, 0, 0, 5, 1, 123)`
    for (const day of ['2026-03-01', '2026-03-02', '2026-03-03']) await stage.database.pool.query(insert, [organizationId, keyId, day])
    const answer = await stage.call('GET', `/customers/${organizationId}/usage?from=2026-03-02&to=2026-03-03`)
    expect(answer.json).toMatchObject({ organizationId, rows: [{ day: '2026-03-02', costNanos: 123, requests: 2 }, { day: '2026-03-03' }] })
    for (const query of [
      '?from=2026-03-03&to=2026-03-02',
      '?from=2020-01-01',
      '?from=yesterday',
      '?frm=2026-03-02',
      '?from=2026-03-01&from=2026-03-02',
    ]) {
      expect([query, (await stage.call('GET', `/customers/${organizationId}/usage${query}`)).status]).toEqual([query, 400])
    }
  })

  test('a balance that left its entries is found', async ({ expect }) => {
    const { organizationId } = await newCustomer({ creditNanos: 10 })
    await stage.database.pool.query('update organizations set balance_nanos = 11 where id = $1', [organizationId])
    const answer = await stage.call('POST', '/reconciliations', {})
    expect(answer.json).toMatchObject({
      differences: expect.arrayContaining([expect.objectContaining({ organizationId, balanceNanos: '11', entriesNanos: '10' })]),
    })
    await stage.database.pool.query('update organizations set balance_nanos = 10 where id = $1', [organizationId])
  })

  test('the latest runs of the reconciliation come with what they found, newest first', async ({ expect }) => {
    expect((await stage.call('GET', '/reconciliations')).json).toEqual({ runs: [] })
    const { pool } = stage.database
    await pool.query(`insert into reconciliations (started_at, finished_at, customers, findings, resumes_after)
      values ('2026-03-01T00:41:00.123Z', '2026-03-01T00:41:07Z', 2, 1, null), ('2026-03-01T01:41:00Z', null, 1, 0, 'org_a')`)
    await pool.query(`insert into reconciliation_findings (reconciliation_id, organization_id, kind, expected, found)
      select id, 'org_a', 'balance_differs', '99999999999999999999', '1' from reconciliations where findings = 1`)
    const finding = { organizationId: 'org_a', kind: 'balance_differs', subject: null, expected: '99999999999999999999', found: '1' }
    expect((await stage.call('GET', '/reconciliations')).json).toMatchObject({
      runs: [
        { startedAt: '2026-03-01T01:41:00.000Z', finishedAt: null, customers: 1, findingCount: 0, resumesAfter: 'org_a', findings: [] },
        { startedAt: '2026-03-01T00:41:00.123Z', finishedAt: '2026-03-01T00:41:07.000Z', findingCount: 1, findings: [finding] },
      ],
    })
  })

  test('models show price and routes, and neither address nor credential of an upstream', async ({ expect }) => {
    const { pool } = stage.database
    await pool.query(`insert into upstreams values ('up', 'https://secret-host.example', 'secret-credential')`)
    await pool.query(`insert into models values ('gpt-a', 'chat', 1000, 100)`)
    await pool.query(`insert into price_versions values ('prc_1', 'gpt-a', 1, 2, 3, 4, 5, now() - interval '1 day')`)
    await pool.query(
      `insert into routes (id, model_id, upstream_id, upstream_model, dialects) values ('rte_1', 'gpt-a', 'up', 'real-a', '{openai-chat}')`,
    )
    const { json } = await stage.call('GET', '/models')
    expect(json).toMatchObject({
      models: [{ modelId: 'gpt-a', price: { outputPicos: 5 }, routes: [{ upstream: 'up', upstreamModel: 'real-a' }] }],
    })
    expect(JSON.stringify(json)).not.toContain('secret')
  })

  test('routes show their health, and neither address nor credential of an upstream', async ({ expect }) => {
    const { pool } = stage.database
    await pool.query(
      `insert into upstreams (id, base_url, credential) values ('checked', 'https://secret-host.example', 'secret-credential')`,
    )
    await pool.query(`insert into models (id, kind, context_tokens, max_output_tokens) values ('gpt-checked', 'chat', 1000, 100)`)
    await pool.query(
      `insert into routes (id, model_id, upstream_id, upstream_model, dialects) values ('rte_checked', 'gpt-checked', 'checked', 'real', '{openai-chat}')`,
    )
    await pool.query(`insert into route_health values ('rte_checked', 'down', 'It cannot be reached.', '2026-01-02T03:04:05Z')`)
    const { json } = await stage.call('GET', '/routes')
    expect(json).toMatchObject({
      routes: expect.arrayContaining([
        expect.objectContaining({
          routeId: 'rte_checked',
          modelId: 'gpt-checked',
          state: 'down',
          reason: 'It cannot be reached.',
          checkedAt: '2026-01-02T03:04:05.000Z',
        }),
      ]),
    })
    expect(JSON.stringify(json)).not.toContain('secret')
  })
})
