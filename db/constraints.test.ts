import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '#shared/values/id.ts'
import { startTestDatabase, type TestDatabase } from './testing/database.ts'
import { newCustomer } from './testing/usage-events.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
  await database.pool.query(`insert into models (id, kind, context_tokens, max_output_tokens) values ('m', 'chat', 1000, 100)`)
})
afterAll(() => database.stop())

/** The constraint that a statement violates; null when Postgres takes it. */
async function violated(text: string, values: unknown[] = []): Promise<string | null> {
  try {
    await database.pool.query(text, values)
    return null
  } catch (error) {
    return String((error as { constraint?: string }).constraint)
  }
}

/** Postgres is the last to say no, whatever the code above it believes. */
describe('Postgres refuses', () => {
  const entry = (organizationId: string, kind: string, amountNanos: number | string, eventId: string = newId('crd')) =>
    violated('insert into ledger_entries (organization_id, kind, amount_nanos, event_id) values ($1, $2, $3, $4)', [
      organizationId,
      kind,
      amountNanos,
      eventId,
    ])

  test('a second entry of an event, also for another customer', async () => {
    const [one, other, eventId] = [await newCustomer(database.db), await newCustomer(database.db), newId('crd')]
    expect(await entry(one, 'credit', 5, eventId)).toBeNull()
    expect(await entry(one, 'credit', 5, eventId)).toBe('ledger_entries_event')
    expect(await entry(other, 'debit', -5, eventId)).toBe('ledger_entries_event')
  })

  test('an entry whose sign is not that of its kind, or whose amount is out of range', async () => {
    const organizationId = await newCustomer(database.db)
    expect(await entry(organizationId, 'credit', 0)).toBe('ledger_entries_sign')
    expect(await entry(organizationId, 'credit', -1)).toBe('ledger_entries_sign')
    expect(await entry(organizationId, 'debit', 1)).toBe('ledger_entries_sign')
    expect(await entry(organizationId, 'settlement', 1)).toBe('ledger_entries_sign')
    expect(await entry(organizationId, 'settlement', 0)).toBeNull()
    expect(await entry(organizationId, 'adjustment', 1)).toBeNull()
    expect(await entry(organizationId, 'gift', 1)).toBe('ledger_entries_kind')
    expect(await entry(organizationId, 'credit', '4500000000000001')).toBe('ledger_entries_amount_range')
  })

  test('an entry of nobody', async () => {
    expect(await entry(newId('org'), 'credit', 1)).toBe('ledger_entries_organization_id_organizations_id_fk')
  })

  test.each([
    ['balance_nanos', '4500000000000001', 'organizations_balance_range'],
    ['balance_nanos', '-4500000000000001', 'organizations_balance_range'],
    ['overdraft_nanos', '-1', 'organizations_overdraft_range'],
    ['overdraft_nanos', '4500000000000001', 'organizations_overdraft_range'],
    ['low_balance_nanos', '-1', 'organizations_low_balance_range'],
  ])('a customer with %s %s', async (column, value, constraint) => {
    const organizationId = await newCustomer(database.db)
    expect(await violated(`update organizations set ${column} = $1 where id = $2`, [value, organizationId])).toBe(constraint)
  })

  test('a price that would pay the customer, or is of another unit, in any bucket', async () => {
    const buckets = ['input_picos', 'cache_read_picos', 'cache_write_5m_picos', 'cache_write_1h_picos', 'output_picos']
    for (const wrong of buckets) {
      for (const picos of ['-1', '10000000001']) {
        const values = buckets.map((bucket) => (bucket === wrong ? picos : '1'))
        const insert = `insert into price_versions (id, model_id, ${buckets}) values ('prc_wrong', 'm', ${values})`
        expect([wrong, picos, await violated(insert)]).toEqual([wrong, picos, 'price_versions_range'])
      }
    }
  })

  test('two prices of a model from the same moment on', async () => {
    const insert = (id: string) => violated(`insert into price_versions values ($1, 'm', 1, 1, 1, 1, 1, '2030-01-01')`, [id])
    expect([await insert('prc_one'), await insert('prc_two')]).toEqual([null, 'price_versions_effective'])
  })

  test('two current prices of a route, but not one beside the price of its model', async () => {
    await database.pool.query(`insert into upstreams (id, base_url, credential) values ('u', 'https://u.example', 'u')`)
    await database.pool.query(
      `insert into routes (id, model_id, upstream_id, upstream_model, dialects) values ('r', 'm', 'u', 'm', '{openai-chat}')`,
    )
    const insert = (id: string, routeId: string | null) =>
      violated(`insert into price_versions values ($1, 'm', 1, 1, 1, 1, 1, '2031-01-01', $2)`, [id, routeId])
    expect([await insert('prc_model', null), await insert('prc_route', 'r'), await insert('prc_again', 'r')]).toEqual([
      null,
      null,
      'price_versions_effective',
    ])
  })

  test.each([
    '[]',
    '"free"',
    '{"imageNanos": "1"}',
    '{"imageNanos": -1}',
    '{"imageNanos": 100000000001}',
    '{"longContext": {"inputPicos": -1}}',
  ])('prices of units that are no prices: %s', async (units) => {
    const insert = `insert into price_versions values ('prc_units', 'm', 1, 1, 1, 1, 1, '2032-01-01', null, $1)`
    expect(await violated(insert, [units])).toBe('price_versions_units_range')
  })

  test('any change of a price that was ever valid', async () => {
    await database.pool.query(`insert into price_versions values ('prc_past', 'm', 1, 1, 1, 1, 1, '2020-01-01')`)
    for (const change of [
      `update price_versions set output_picos = 2 where id = 'prc_past'`,
      `delete from price_versions where id = 'prc_past'`,
      'truncate price_versions cascade',
    ]) {
      expect([change, await violated(change)]).toEqual([change, 'price_versions_immutable'])
    }
  })

  test('a key of two customers', async () => {
    const hash = 'a'.repeat(64)
    const insert = async () =>
      violated('insert into api_keys (id, organization_id, name, key_hash, redacted) values ($1, $2, $3, $4, $5)', [
        newId('key'),
        await newCustomer(database.db),
        'k',
        hash,
        '',
      ])
    expect([await insert(), await insert()]).toEqual([null, 'api_keys_hash'])
  })

  test('a second event of a kind about one movement', async () => {
    const organizationId = await newCustomer(database.db)
    const insert = (type: string) =>
      violated(`insert into customer_events (organization_id, type, dedupe, data) values ($1, $2, '7', '{}')`, [organizationId, type])
    expect([await insert('balance.low'), await insert('balance.exhausted'), await insert('balance.low')]).toEqual([
      null,
      null,
      'customer_events_dedupe',
    ])
  })
})
