import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Attempt, eventIdOf, type UsageBatch, type UsageEvent } from '#shared/contracts/usage-event.ts'
import type { Usage } from '#shared/pricing/usage.ts'
import type { Db } from '../client.ts'
import { postgresErrorOf, readRowsAtomically, SafeBigint } from '../statements.ts'
import { arrayLiteral } from './array-literal.ts'
import { lockOrganizations } from './lock-organizations.ts'
import { type CredentialUse, credentialUses, noteCredentialUse } from './note-credential-use.ts'
import { raisingBalanceEvents } from './raise-balance-events.ts'
import { summingUsage } from './sum-usage.ts'

const RecordedAccount = z.object({
  organizationId: z.string(),
  balanceNanos: SafeBigint,
  version: SafeBigint,
  /** How many of the events were new; the others had been recorded before. */
  recorded: SafeBigint,
  /** How many balance events they raised. */
  raised: SafeBigint,
  /** How many of its provider credentials they paused. */
  paused: SafeBigint,
})
export type RecordedAccount = z.infer<typeof RecordedAccount>

/**
 * Records events in one transaction: ledger entry, usage record, request log, hourly and daily sums, balance and use of credentials, each event once, however
 * often it is delivered. Answers each known organization's balance and version after it, also when every event was a duplicate. Events of
 * organizations that do not exist are not recorded, and those not answered. Throws Postgres' error as it is, and then nothing is recorded.
 */
export function recordUsage(db: Db, batches: UsageBatch[]): Promise<RecordedAccount[]> {
  const rows = new Map<string, EventRow>()
  const uses: CredentialUse[] = []
  for (const batch of batches) {
    for (const event of batch.events) {
      const row = rowOf(batch.organizationId, event)
      if (rows.has(row.event_id)) continue
      rows.set(row.event_id, row)
      uses.push(...credentialUses(event))
    }
  }
  const organizationIds = [...new Set(batches.map((batch) => batch.organizationId))]
  const statement = recording([...rows.values()], uses, organizationIds)
  return readRowsAtomically(db, [lockOrganizations(organizationIds), statement], RecordedAccount)
}

/** Whether recordUsage failed only because the partition of a month does not exist. */
export function isMissingPartition(error: unknown): boolean {
  const postgresError = postgresErrorOf(error)
  // A violated CHECK carries the same code, but always names its constraint.
  return postgresError?.sqlState === '23514' && postgresError.constraint === null
}

type EventRow = ReturnType<typeof rowOf>

function rowOf(organizationId: string, event: UsageEvent) {
  const { request, settlement } = event
  const { usage, attempts = [] } = settlement
  const served = settlement.served ?? request
  return {
    event_id: eventIdOf(event),
    organization_id: organizationId,
    kind: event.kind,
    amount_nanos: event.amountNanos,
    settled_ms: event.settledAtMs,
    started_ms: request.startedAtMs,
    request_id: request.requestId,
    key_id: request.keyId,
    model: served.model,
    price_version_id: served.priceVersionId,
    method: request.method,
    path: request.path,
    client_ip: request.clientIp,
    user_agent: request.userAgent,
    cost_nanos: settlement.costNanos,
    input_tokens: usage.inputTokens ?? null,
    cache_read_tokens: usage.cacheReadTokens ?? null,
    cache_write_5m_tokens: usage.cacheWrite5mTokens ?? null,
    cache_write_1h_tokens: usage.cacheWrite1hTokens ?? null,
    output_tokens: usage.outputTokens ?? null,
    reasoning_tokens: usage.reasoningTokens ?? null,
    units: unitsOf(usage),
    upstream_cost_nanos: settlement.upstreamCostNanos ?? upstreamCostOf(attempts),
    attempts: attempts.length > 1 || attempts[0]?.outcome !== 'answered' ? textOf(attempts) : null,
    estimated: settlement.estimated,
    capped: settlement.capped,
    outcome: settlement.end,
    status: settlement.status,
    route_id: settlement.routeId,
    upstream: settlement.upstream,
    credential_id: settlement.credentialId ?? null,
    latency_ms: settlement.latencyMs,
    time_to_first_token_ms: settlement.timeToFirstTokenMs,
  }
}

/** What is used beside text is rare, and one column holds it. */
function unitsOf(usage: Usage): string | null {
  const {
    inputTokens: _input,
    cacheReadTokens: _read,
    cacheWrite5mTokens: _write5m,
    cacheWrite1hTokens: _write1h,
    outputTokens: _output,
    reasoningTokens: _reasoning,
    ...units
  } = usage
  return Object.keys(units).length === 0 ? null : JSON.stringify(units)
}

function upstreamCostOf(attempts: Attempt[]): number | null {
  const known = attempts.flatMap(({ costNanos }) => costNanos ?? [])
  return known.length === 0 ? null : known.reduce((sum, nanos) => sum + nanos, 0)
}

function textOf(attempts: Attempt[]): string | null {
  return attempts.length === 0 ? null : JSON.stringify(attempts)
}

/** The statement after the locks. Its parts see the data as it was before; what they hand on, they hand on by RETURNING. */
function recording(rows: EventRow[], uses: CredentialUse[], organizationIds: string[]): SQL {
  const { noting, raisingVersion, telling, paused } = noteCredentialUse(uses)
  return sql`
    with events as materialized (${eventRows(rows)}),
    ${posting},
    ${correcting},
    ${writingRecords},
    ${writingLogs},
    ${summingUsage},
    ${noting}
    ${movingBalances(raisingVersion)},
    ${raisingBalanceEvents}
    ${telling}
    select o.id as "organizationId", coalesce(m.balance_nanos, o.balance_nanos) as "balanceNanos",
      coalesce(m.balance_version, o.balance_version) as "version", coalesce(m.recorded, 0) as recorded,
      coalesce(r.raised, 0) as raised, ${paused} as paused
    from organizations o left join moved m on m.id = o.id
    left join (select organization_id, count(*) as raised from raised group by 1) r on r.organization_id = o.id
    where o.id = any(${sql.param(organizationIds)}::text[])`
}

/** Arrays of columns: Postgres reads them in half the time of a JSON array of objects. */
function eventRows(rows: EventRow[]): SQL {
  const arrays = sql.join(
    columns.map(([name, type]) => sql`${arrayLiteral(rows.map((row) => row[name]))}::${sql.raw(type)}[]`),
    sql`, `,
  )
  return sql`
    select e.*, to_timestamp(e.settled_ms::double precision / 1000) as settled_at,
      to_timestamp(e.started_ms::double precision / 1000) as started_at
    from unnest(${arrays}) as e(${sql.raw(columns.map(([name]) => name).join(', '))})`
}

const columns = [
  ['event_id', 'text'],
  ['organization_id', 'text'],
  ['kind', 'text'],
  ['amount_nanos', 'bigint'],
  ['settled_ms', 'bigint'],
  ['started_ms', 'bigint'],
  ['request_id', 'text'],
  ['key_id', 'text'],
  ['model', 'text'],
  ['price_version_id', 'text'],
  ['method', 'text'],
  ['path', 'text'],
  ['client_ip', 'text'],
  ['user_agent', 'text'],
  ['cost_nanos', 'bigint'],
  ['input_tokens', 'int'],
  ['cache_read_tokens', 'int'],
  ['cache_write_5m_tokens', 'int'],
  ['cache_write_1h_tokens', 'int'],
  ['output_tokens', 'int'],
  ['reasoning_tokens', 'int'],
  ['units', 'jsonb'],
  ['upstream_cost_nanos', 'bigint'],
  ['attempts', 'jsonb'],
  ['estimated', 'boolean'],
  ['capped', 'boolean'],
  ['outcome', 'text'],
  ['status', 'int'],
  ['route_id', 'text'],
  ['upstream', 'text'],
  ['credential_id', 'text'],
  ['latency_ms', 'int'],
  ['time_to_first_token_ms', 'int'],
] as const satisfies [keyof EventRow, string][]

/** `fresh` are the events that had not been posted before; nothing else in the statement acts on any other. */
const posting = sql`
  posted as (
    insert into ledger_entries (organization_id, amount_nanos, kind, event_id)
    select e.organization_id, e.amount_nanos, e.kind, e.event_id from events e join organizations o on o.id = e.organization_id
    on conflict (event_id) do nothing
    returning event_id
  ), fresh as materialized (
    select e.* from events e join posted p on p.event_id = e.event_id
  )`

/**
 * `truths` holds for each request what its record must say now. An adjustment outranks its settlement in whichever order they arrive.
 * `replaced` are the records that adjustments correct; they keep their place, and so their month and day.
 */
const correcting = sql`
  final as materialized (
    select distinct on (f.request_id) f.* from fresh f
    where f.kind = 'adjustment' or (
      select a.event_id from ledger_entries a where a.event_id = f.request_id || ':adjustment' limit 1
    ) is null
    order by f.request_id, f.kind
  ), replaced as materialized (
    select r.* from final f cross join lateral (
      select * from usage_records u
      where u.request_id = f.request_id and u.settled_at >= f.started_at - interval '1 day'
      limit 1
    ) r
    where f.kind = 'adjustment'
  ), truths as materialized (
    select f.*, coalesce(r.settled_at, f.settled_at) as recorded_at from final f left join replaced r on r.request_id = f.request_id
  )`

const writingRecords = sql`
  records as (
    insert into usage_records (
      request_id, organization_id, key_id, model, price_version_id, route_id, upstream, credential_id, input_tokens, cache_read_tokens,
      cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, units, cost_nanos, upstream_cost_nanos, estimated, capped,
      started_at, settled_at
    )
    select request_id, organization_id, key_id, model, price_version_id, route_id, upstream, credential_id, input_tokens, cache_read_tokens,
      cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, units, cost_nanos, upstream_cost_nanos, estimated, capped,
      started_at, recorded_at
    from truths
    on conflict (request_id, settled_at) do update set
      model = excluded.model, price_version_id = excluded.price_version_id, units = excluded.units,
      upstream_cost_nanos = excluded.upstream_cost_nanos, credential_id = excluded.credential_id,
      route_id = excluded.route_id, upstream = excluded.upstream, input_tokens = excluded.input_tokens,
      cache_read_tokens = excluded.cache_read_tokens, cache_write_5m_tokens = excluded.cache_write_5m_tokens,
      cache_write_1h_tokens = excluded.cache_write_1h_tokens, output_tokens = excluded.output_tokens,
      reasoning_tokens = excluded.reasoning_tokens, cost_nanos = excluded.cost_nanos, estimated = excluded.estimated,
      capped = excluded.capped
  )`

const writingLogs = sql`
  logs as (
    insert into request_logs (
      request_id, organization_id, key_id, model, provider, credential_id, method, path, status, outcome, input_tokens, output_tokens, latency_ms,
      time_to_first_token_ms, attempts, client_ip, user_agent, cost_nanos, estimated, created_at
    )
    select request_id, organization_id, key_id, model, upstream, credential_id, method, path, status, outcome,
      case when num_nonnulls(input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens) > 0 then
        coalesce(input_tokens, 0)::bigint + coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0)
          + coalesce(cache_write_1h_tokens, 0)
      end,
      output_tokens, latency_ms, time_to_first_token_ms, attempts, client_ip, user_agent, cost_nanos, estimated, started_at
    from truths
    on conflict (organization_id, created_at, request_id) do update set
      model = excluded.model, attempts = excluded.attempts, credential_id = excluded.credential_id,
      provider = excluded.provider, status = excluded.status, outcome = excluded.outcome, input_tokens = excluded.input_tokens,
      output_tokens = excluded.output_tokens, latency_ms = excluded.latency_ms, time_to_first_token_ms = excluded.time_to_first_token_ms,
      estimated = excluded.estimated, cost_nanos = excluded.cost_nanos
  )`

/** A version is raised once, whatever else of the account is set beside its balance. */
const movingBalances = (raisingVersion: SQL) => sql`
  moved as (
    update organizations o
    set balance_nanos = o.balance_nanos + f.nanos, balance_version = o.balance_version + 1,
      spent_nanos = o.spent_nanos - f.nanos${raisingVersion}
    from (select organization_id, sum(amount_nanos)::bigint as nanos, count(*) as recorded from fresh group by 1) f
    where o.id = f.organization_id
    returning o.id, o.balance_nanos, o.balance_version, f.recorded, f.nanos
  )`
