import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { RequestEnd } from '#shared/contracts/usage-event.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint, timestampOf } from '../../statements.ts'

/** A place in the log: that of one line, or of where a search has stopped. */
export interface LogPosition {
  createdAtMs: number
  requestId: string
}

/** Statuses from `least` to `most`; null is the one that nobody lived to see. */
export type StatusRange = { least: number; most: number } | null

export interface LogSearch {
  organizationId: string
  /** From the first moment to the one after the last; null has no end. */
  fromMs: number | null
  toMs: number | null
  /** Only lines of these keys; null has all. */
  keyIds: string[] | null
  model?: string | undefined
  status?: StatusRange | undefined
  outcome?: RequestEnd | undefined
  estimated?: boolean | undefined
  /** Only lines behind it. */
  after: LogPosition | null
  limit: number
  /** How many lines are looked at for what no index knows, before the search stops and says where. */
  mostRead: number
}

const Line = z.object({
  requestId: z.string(),
  createdAtMs: SafeBigint,
  keyId: z.string(),
  model: z.string(),
  method: z.string(),
  path: z.string(),
  status: z.int().nullable(),
  outcome: RequestEnd,
  provider: z.string().nullable(),
  credentialId: z.string().nullable(),
  inputTokens: SafeBigint.nullable(),
  outputTokens: z.int().nullable(),
  costNanos: SafeBigint,
  estimated: z.boolean(),
  latencyMs: z.int(),
  timeToFirstTokenMs: z.int().nullable(),
  attemptCount: z.int(),
  clientIp: z.string(),
  userAgent: z.string(),
})
export type LogLine = z.infer<typeof Line>

/** Each line that was found, beside where the search has stopped; without any line there is one row all the same. */
const Row = z.object({ endMs: SafeBigint.nullable(), endId: z.string().nullable(), line: Line.nullable() })

/** Keys whose lines are walked side by side; with more, the lines of all keys are looked through. */
const mostLanes = 100

export interface LogPage {
  lines: LogLine[]
  next: LogPosition | null
}

/**
 * Lines of the log, newest first. `next` is where to go on, null at the end; it may be given with fewer lines than `limit`, or none: of what no index
 * knows a search looks at `mostRead` lines at most, so that it takes no longer in a large log than in a small one.
 */
export async function listRequests(db: Db, search: LogSearch): Promise<LogPage> {
  const page: LogPage = { lines: [], next: search.after }
  if (search.keyIds?.length === 0) return { ...page, next: null }
  let left = search.mostRead
  // Most filters are passed by many lines, so few are looked at first, and then more and more.
  for (let atOnce = 4 * search.limit; left > 0 && page.lines.length < search.limit; atOnce *= 4) {
    const mostRead = Math.min(atOnce, left)
    const found = await searchOnce(db, { ...search, after: page.next, limit: search.limit - page.lines.length, mostRead })
    page.lines.push(...found.lines)
    page.next = found.next
    left -= mostRead
    if (!page.next) break
  }
  return page
}

async function searchOnce(db: Db, search: LogSearch): Promise<LogPage> {
  const rows = await readRows(db, searchStatement(search), Row)
  const found = rows.flatMap(({ line }) => line ?? [])
  const lines = found.slice(0, search.limit)
  const last = lines.at(-1)
  if (found.length > search.limit && last) return { lines, next: { createdAtMs: last.createdAtMs, requestId: last.requestId } }
  const { endMs = null, endId = null } = rows[0] ?? {}
  return { lines, next: endMs === null || endId === null ? null : { createdAtMs: endMs, requestId: endId } }
}

/**
 * One walk down an index for each key, or one for all: each ends after `most` lines. Below the highest end of a walk that had to stop, lines may be missing,
 * so there the search stops. Its own function, so that a test can have it explained.
 */
export function searchStatement(search: LogSearch): SQL {
  const { limit, mostRead } = search
  const { lanes, walked, sought } = conditionsOf(search)
  const most = sought.length === 0 ? limit + 1 : Math.max(limit + 1, Math.floor(mostRead / (lanes?.length ?? 1)))
  const lane = lanes ? sql`unnest(${sql.param(lanes)}::text[])` : sql`(values (null::text))`
  return sql`
    with walked as materialized (
      select l.*, lane.key_id as lane, row_number() over (partition by lane.key_id order by l.created_at desc, l.request_id desc) as place
      from ${lane} as lane (key_id) cross join lateral (
        select * from request_logs where ${sql.join(walked, sql` and `)} order by created_at desc, request_id desc limit ${most}
      ) l
    ), stop as (
      select created_at, request_id from walked where place = ${most} order by created_at desc, request_id desc limit 1
    )
    select round(extract(epoch from s.created_at) * 1000)::bigint as "endMs", s.request_id as "endId", to_json(f) as line
    from (values (1)) as one left join stop s on true left join lateral (
      select ${lineColumns} from walked
      where (s.request_id is null or (created_at, request_id) >= (s.created_at, s.request_id)) ${sql.join(
        sought.map((each) => sql`and ${each}`),
        sql` `,
      )}
      order by created_at desc, request_id desc limit ${limit + 1}
    ) f on true
    order by f."createdAtMs" desc, f."requestId" desc`
}

const lineColumns = sql`request_id as "requestId", round(extract(epoch from created_at) * 1000)::bigint as "createdAtMs", key_id as "keyId", model,
  method, path, status, outcome, provider, credential_id as "credentialId", input_tokens as "inputTokens", output_tokens as "outputTokens",
  cost_nanos as "costNanos", estimated, latency_ms as "latencyMs", time_to_first_token_ms as "timeToFirstTokenMs",
  coalesce(jsonb_array_length(attempts), case when provider is null then 0 else 1 end) as "attemptCount", client_ip as "clientIp",
  user_agent as "userAgent"`

/** The very words of the partial indexes in db/schema/request-logs.ts. */
const notable = sql`(outcome <> 'completed' or status is null or status >= 400 or estimated)`

/** What decides where to walk, and so is known to an index, and what of the lines walked over is sought. */
function conditionsOf(search: LogSearch): { lanes: string[] | null; walked: SQL[]; sought: SQL[] } {
  const { organizationId, fromMs, toMs, keyIds, model, status, outcome, estimated, after } = search
  const lanes = keyIds && keyIds.length <= mostLanes ? keyIds : null
  const walksModel = model !== undefined && !isNotable(search) && !lanes
  const walked = [sql`organization_id = ${organizationId}`]
  if (fromMs !== null) walked.push(sql`created_at >= ${timestampOf(fromMs)}`)
  if (toMs !== null) walked.push(sql`created_at < ${timestampOf(toMs)}`)
  if (after) {
    const at = timestampOf(after.createdAtMs)
    walked.push(sql`created_at <= ${at}`, sql`(created_at < ${at} or request_id < ${after.requestId})`)
  }
  if (isNotable(search)) walked.push(notable)
  if (lanes) walked.push(sql`key_id = lane.key_id`)
  if (walksModel) walked.push(sql`model = ${model}`)
  const sought: SQL[] = []
  if (keyIds && !lanes) sought.push(sql`key_id = any(${sql.param(keyIds)}::text[])`)
  if (model !== undefined && !walksModel) sought.push(sql`model = ${model}`)
  if (status !== undefined) sought.push(status ? sql`status between ${status.least} and ${status.most}` : sql`status is null`)
  if (outcome !== undefined) sought.push(sql`outcome = ${outcome}`)
  if (estimated !== undefined) sought.push(sql`estimated = ${estimated}`)
  return { lanes, walked, sought }
}

/** Whether whatever is sought has to be a notable line. */
function isNotable({ outcome, status, estimated }: LogSearch): boolean {
  return (outcome !== undefined && outcome !== 'completed') || status === null || (status?.least ?? 0) >= 400 || estimated === true
}
