import type { Pool } from 'pg'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
import { openNodeDb } from '../node-client.ts'
import { ensurePartitions, monthsFrom } from '../queries/ensure-partitions.ts'

/** A year of use, as a platform has it that one customer makes four fifths of; the others share the rest. */
export interface UsageHistory {
  organizationId: string
  /** The customer's keys: the first makes half of its requests, and `rareKeyId` twenty of them all. */
  keyIds: string[]
  rareKeyId: string
  fromMs: number
  toMs: number
  /** A request of the customer in the middle of it. */
  requestId: string
}

const months = 12
const smallCustomers = 1_000
/** How many requests of the large customer have the rare key, the rare model and the rare status, however many it has. */
const rareRequests = 20

const secondaryIndexes = ['request_logs_key', 'request_logs_model', 'request_logs_notable', 'request_logs_notable_key']

/** Makes a history of so many records, with their log and sums, in Postgres itself: the indexes are built when all of it is there. */
export async function makeHistory(databaseUrl: string, pool: Pool, records: number): Promise<UsageHistory> {
  const history = await prepare(databaseUrl)
  const definitions = await pool.query<{ definition: string }>(
    'select pg_get_indexdef(i::regclass) as definition from unnest($1::text[]) i',
    [secondaryIndexes],
  )
  for (const index of secondaryIndexes) await pool.query(`drop index ${index}`)
  const values = [history.organizationId, records, history.fromMs, (history.toMs - history.fromMs) / records]
  await pool.query(`create table made as ${requestsMade}`, values)
  await pool.query(insertRecords)
  await pool.query(insertLogs)
  await pool.query(insertHours)
  await pool.query(insertDays)
  const { rows } = await pool.query<{ request_id: string }>('select request_id from made where org = $1 offset $2 limit 1', [
    history.organizationId,
    Math.floor(records / 2),
  ])
  await pool.query('drop table made')
  for (const { definition } of definitions.rows) await pool.query(definition.replace(' ON ONLY ', ' ON '))
  await pool.query('vacuum analyze')
  const requestId = rows[0]?.request_id
  assert(requestId, 'the large customer has a request')
  return { ...history, requestId }
}

async function prepare(databaseUrl: string): Promise<UsageHistory> {
  const { db, close } = openNodeDb(databaseUrl, 1)
  const fromMs = Date.UTC(2032, 0)
  await ensurePartitions(db, monthsFrom(fromMs, months))
  await close()
  const keyIds = Array.from({ length: 20 }, (_, n) => `key_${n}`)
  return { organizationId: newId('org'), keyIds, rareKeyId: 'key_rare', fromMs, toMs: Date.UTC(2033, 0), requestId: '' }
}

/** Ids are ULIDs of their moment, as the relay makes them. */
const requestsMade = `
  select n, ms, org, to_timestamp(ms / 1000.0) as at, 'req_' || ${base32('ms')} || lpad(n::text, 16, '0') as request_id,
    case when is_rare then 'key_rare' else 'key_' || floor(power(random(), 4) * 20) end as key_id,
    case when is_rare then 'rare-model' else 'model-' || floor(power(random(), 2) * 8) end as model,
    case when is_rare then 418 when n % 100 = 7 then 500 else 200 end as status,
    (random() * 4000)::int as input_tokens, (random() * 900)::int as output_tokens, (random() * 9000000)::bigint as cost
  from (
    select n, ($3::bigint + floor(n * $4::float8))::bigint as ms,
      case when n % 5 = 0 then 'org_small_' || (hashint4(n) & 2147483647) % ${smallCustomers} else $1::text end as org,
      n % greatest($2::int / ${rareRequests}, 1) = 1 as is_rare
    from generate_series(0, $2::int - 1) n
  ) each_one`

function base32(ms: string): string {
  const digits = Array.from(
    { length: 10 },
    (_, n) => `substr('0123456789abcdefghjkmnpqrstvwxyz', ((${ms} >> ${45 - 5 * n}) & 31)::int + 1, 1)`,
  )
  return digits.join(' || ')
}

const insertRecords = `
  insert into usage_records (request_id, organization_id, key_id, model, price_version_id, route_id, upstream, input_tokens, output_tokens, cost_nanos,
    estimated, capped, started_at, settled_at)
  select request_id, org, key_id, model, 'prc_made', 'rte_made', 'made', input_tokens, output_tokens, cost, false, false, at,
    least(at + interval '900 ms', timestamptz '2032-12-31 23:59:59.999Z')
  from made`

const insertLogs = `
  insert into request_logs (request_id, organization_id, key_id, model, provider, method, path, status, outcome, input_tokens, output_tokens, cost_nanos,
    latency_ms, time_to_first_token_ms, client_ip, user_agent, created_at)
  select request_id, org, key_id, model, 'made', 'POST', '/v1/chat/completions', status, case when status < 400 then 'completed' else 'upstream_error' end,
    input_tokens, output_tokens, cost, 900, 120, '203.0.113.7', 'OpenAI/JS 7.57.0', at
  from made`

const insertHours = `
  insert into usage_hourly
  select org, key_id, model, date_trunc('hour', at, 'UTC'), count(*), sum(input_tokens), 0, 0, 0, sum(output_tokens), 0, sum(cost) from made group by 1, 2, 3, 4
  order by 4`

const insertDays = `
  insert into usage_daily (organization_id, day, key_id, model, requests, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    output_tokens, reasoning_tokens, cost_nanos)
  select organization_id, (hour at time zone 'UTC')::date, key_id, model, sum(requests), sum(input_tokens), 0, 0, 0, sum(output_tokens), 0, sum(cost_nanos)
  from usage_hourly group by 1, 2, 3, 4 order by 2`
