import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { reconcile } from '#db/queries/reconcile.ts'
import { readRows, SafeBigint } from '#db/statements.ts'
import type { TruthRecord } from '#workers/dev/upstream/server.ts'
import { reportedBy } from '../journeys/truth.ts'
import { isLarge } from './catalogue.ts'
import type { RelayDeath } from './kills.ts'
import { creditOf, type LoadCustomer, type Outcome, pause } from './load.ts'
import type { FaultStage } from './stage.ts'

/**
 * A small hold is on disk one flush (50 ms) after its admission; STORAGE.md allows a dying machine to forget it until then. The rest is what a busy
 * machine needs from the timer to the commit.
 */
const forgettableMs = 50 + 200

const restTimeoutMs = 90_000

/** From an event to its record there are a second or two, and as long again when a message is sent anew. */
const recordTimeoutMs = 20_000

const Line = z.object({
  requestId: z.string(),
  costNanos: SafeBigint,
  priceNanos: SafeBigint,
  estimated: z.boolean(),
  capped: z.boolean(),
  input: z.number().nullable(),
  cacheRead: z.number().nullable(),
  output: z.number().nullable(),
  reasoning: z.number().nullable(),
  settlements: SafeBigint,
  chargedNanos: SafeBigint,
  outcome: z.string().nullable(),
})
type Line = z.infer<typeof Line>

const linesStatement = (organizationIds: string[]) => sql`
  select r.request_id as "requestId", r.cost_nanos as "costNanos", r.estimated, r.capped, r.input_tokens as input,
    r.cache_read_tokens as "cacheRead", r.output_tokens as output, r.reasoning_tokens as reasoning, l.outcome,
    ceil((coalesce(r.input_tokens, 0) * p.input_picos + coalesce(r.cache_read_tokens, 0) * p.cache_read_picos
      + coalesce(r.output_tokens, 0) * p.output_picos)::numeric / 1000) as "priceNanos",
    (select count(*) from ledger_entries e where e.event_id = r.request_id || ':settlement') as settlements,
    (select coalesce(sum(-amount_nanos), 0) from ledger_entries e
      where e.event_id in (r.request_id || ':settlement', r.request_id || ':adjustment')) as "chargedNanos"
  from usage_records r
  join price_versions p on p.id = r.price_version_id
  left join request_logs l on l.organization_id = r.organization_id and l.created_at = r.started_at and l.request_id = r.request_id
  where r.organization_id = any(${sql.param(organizationIds)}::text[])`

export interface Verdict {
  /** Asked of the upstream, not settled, and not to be forgotten. */
  lost: string[]
  /** Settled or recorded more than once, asked of the upstream more than once, or charged otherwise than recorded. */
  doubled: string[]
  /** Recorded with other tokens than the upstream reported, or at another price. */
  wrong: string[]
  /** What concerns customers and not single requests. */
  unsound: string[]
}

export interface Figures {
  requests: number
  recorded: number
  charged: string
  orphans: number
  /** Asked within the flush before a kill, with a small hold: neither charged nor recorded, as STORAGE.md says. */
  forgotten: number
  'ms of the oldest forgotten': number
}

/** Waits until nothing is held or awaited, then compares the books with the upstream's ground truth: the invariants of ARCHITECTURE.md. */
export async function judge(
  stage: FaultStage,
  customers: LoadCustomer[],
  { outcomes, deaths }: { outcomes: Outcome[]; deaths: RelayDeath[] },
): Promise<{ verdict: Verdict; figures: Figures; restAfterMs: number }> {
  const startedAtMs = Date.now()
  const truth = byRequest(stage.upstream.records(), firstAsked(outcomes))
  const unrest = await awaitRest(stage, customers)
  const restAfterMs = Date.now() - startedAtMs
  const lines = await readLines(stage, customers, (recorded) =>
    [...truth].every(([requestId, [first]]) => recorded.has(requestId) || !first || isForgettable(first, deaths)),
  )
  const verdict: Verdict = { lost: [], doubled: [], wrong: [], unsound: [...unrest, ...(await soundness(stage, customers))] }
  const recorded = new Set<string>()
  for (const line of lines) {
    if (recorded.has(line.requestId) || line.settlements !== 1 || line.chargedNanos !== line.costNanos) verdict.doubled.push(line.requestId)
    recorded.add(line.requestId)
    const fault = faultOf(line, truth.get(line.requestId)?.[0])
    if (fault) verdict.wrong.push(`${line.requestId}: ${fault}`)
  }
  const forgottenAfterMs: number[] = []
  for (const [requestId, [first, ...others]] of truth) {
    if (others.length > 0) verdict.doubled.push(requestId)
    if (recorded.has(requestId) || !first) continue
    if (isForgettable(first, deaths)) forgottenAfterMs.push(msToKill(first, deaths))
    else verdict.lost.push(`${requestId} of ${first.model}, asked ${msToKill(first, deaths)} ms before a kill, ${first.outcome}`)
  }
  const wholly = outcomes.filter(({ status, isWhole, requestId }) => status === 200 && isWhole && requestId !== null)
  for (const { requestId } of wholly) {
    if (requestId !== null && !truth.has(requestId)) verdict.unsound.push(`${requestId} was answered and never asked of the upstream`)
  }
  const chargedNanos = lines.reduce((sum, { costNanos }) => sum + costNanos, 0)
  const orphans = lines.filter(({ outcome, estimated }) => outcome === 'expired' && estimated).length
  const charged = `$${(chargedNanos / 1e9).toFixed(4)}`
  const forgotten = { forgotten: forgottenAfterMs.length, 'ms of the oldest forgotten': Math.max(0, ...forgottenAfterMs) }
  return { verdict, figures: { requests: truth.size, recorded: recorded.size, charged, orphans, ...forgotten }, restAfterMs }
}

/** An orphan that is charged nothing holds and owes nothing while its event is still on its way, so its record may come after the rest. */
async function readLines(stage: FaultStage, customers: LoadCustomer[], isAll: (recorded: ReadonlySet<string>) => boolean): Promise<Line[]> {
  const deadlineMs = Date.now() + recordTimeoutMs
  for (;;) {
    const lines = await readRows(stage.db, linesStatement(customers.map(({ organizationId }) => organizationId)), Line)
    if (isAll(new Set(lines.map(({ requestId }) => requestId))) || Date.now() > deadlineMs) return lines
    await pause(500)
  }
}

function firstAsked(outcomes: Outcome[]): number {
  return outcomes.reduce((first, { startedAtMs }) => Math.min(first, startedAtMs), Number.POSITIVE_INFINITY)
}

function byRequest(records: TruthRecord[], sinceMs: number): Map<string, TruthRecord[]> {
  const found = new Map<string, TruthRecord[]>()
  for (const record of records) {
    if (record.relayRequestId === null || record.receivedAt < sinceMs) continue
    found.set(record.relayRequestId, [...(found.get(record.relayRequestId) ?? []), record])
  }
  return found
}

function isForgettable(truth: TruthRecord, deaths: RelayDeath[]): boolean {
  return !isLarge(truth.model) && msToKill(truth, deaths) <= forgettableMs
}

/** Milliseconds from the moment the upstream was asked to the death of who asked; negative when the question was still on its way then. */
function msToKill({ receivedAt }: TruthRecord, deaths: RelayDeath[]): number {
  const death = deaths.find(({ backFromMs }) => receivedAt < backFromMs)
  return death ? death.killedAtMs - receivedAt : Number.POSITIVE_INFINITY
}

/** What the upstream reported in a finished answer is what is recorded; an estimate is marked; nothing asked costs nothing. */
function faultOf(line: Line, truth: TruthRecord | undefined): string | null {
  if (!line.capped && line.priceNanos !== line.costNanos) return `costs ${line.costNanos}, its tokens ${line.priceNanos}`
  if (!truth) return line.costNanos === 0 ? null : 'charged and never asked of the upstream'
  if (line.estimated) return null
  const reported = truth.outcome === 'completed' ? reportedBy(truth) : null
  const recorded = { input: line.input ?? 0, cacheRead: line.cacheRead ?? 0, output: line.output ?? 0, reasoning: line.reasoning ?? 0 }
  if (line.costNanos === 0 && line.outcome !== 'completed') return null
  if (!reported) return line.costNanos === 0 ? null : 'charged as reported, and nothing was reported'
  const isSame = Object.entries(recorded).every(([bucket, tokens]) => reported[bucket as keyof typeof recorded] === tokens)
  return isSame ? null : `recorded ${JSON.stringify(recorded)}, reported ${JSON.stringify(reported)}`
}

async function soundness({ db }: FaultStage, customers: LoadCustomer[]): Promise<string[]> {
  const faults = (await reconcile(db)).map((difference) => `the books differ: ${JSON.stringify(difference)}`)
  const Balance = z.object({ id: z.string(), balance: SafeBigint })
  for (const { id, balance } of await readRows(db, sql`select id, balance_nanos as balance from organizations`, Balance)) {
    const customer = customers.find(({ organizationId }) => organizationId === id)
    if (customer && balance < -customer.overdraftNanos) faults.push(`${id} has ${balance}, below its floor of ${-customer.overdraftNanos}`)
  }
  const [parked] = await readRows(db, sql`select count(*) as count from parked_events`, z.object({ count: SafeBigint }))
  if (parked?.count !== 0) faults.push(`${parked?.count} events are parked`)
  return faults
}

/** Answers what is still held or awaited when the time is over. */
async function awaitRest(stage: FaultStage, customers: LoadCustomer[]): Promise<string[]> {
  const deadlineMs = Date.now() + restTimeoutMs
  for (;;) {
    const credits = await Promise.all(customers.map((customer) => creditOf(stage.relayUrl, customer)))
    const restless = credits.flatMap((credit, index) =>
      credit && credit.heldNanos === 0 && credit.unconfirmedNanos === 0
        ? []
        : [`${customers[index]?.organizationId} is not at rest: ${JSON.stringify(credit)}`],
    )
    if (restless.length === 0 || Date.now() > deadlineMs) return restless
    await pause(100)
  }
}
