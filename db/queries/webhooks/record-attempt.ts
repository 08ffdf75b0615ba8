import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import type { webhookAttempts } from '../../schema/index.ts'
import { readRows, timestampOf } from '../../statements.ts'

/** What came of an attempt that was made. */
export interface MadeAttempt {
  deliveryId: string
  /** From one. */
  number: number
  startedMs: number
  durationMs: number
  outcome: Exclude<typeof webhookAttempts.$inferInsert.outcome, 'secret_unavailable'>
  status: number | null
  answer: string | null
  /** When it is tried again; null when it is not. */
  retryAfterMs: number | null
}

/**
 * Writes down what came of an attempt, and since when its endpoint fails. Answers whether the endpoint has failed for `failingMs`; null, and nothing is
 * written, when somebody else has made this attempt by now or the delivery is over.
 */
export async function recordAttempt(db: Db, attempt: MadeAttempt, failingMs: number): Promise<{ failsForLong: boolean } | null> {
  const { deliveryId, number, startedMs, durationMs, outcome, status, answer, retryAfterMs } = attempt
  const isDelivered = outcome === 'delivered'
  const state = isDelivered ? 'delivered' : retryAfterMs === null ? 'failed' : 'pending'
  const statement = sql`
    with delivery as (
      update webhook_deliveries set attempts = ${number}, status = ${state},
        due_at = now() + make_interval(secs => ${retryAfterMs === null ? null : retryAfterMs / 1_000}::double precision),
        finished_at = case when ${retryAfterMs === null}::boolean then now() end
      where id = ${deliveryId} and status = 'pending' and attempts = ${number - 1}
      returning id, endpoint_id
    ), attempt as (
      insert into webhook_attempts (delivery_id, number, at, duration_ms, outcome, status, answer)
      select id, ${number}::integer, ${timestampOf(startedMs)}, ${durationMs}::integer, ${outcome}, ${status}::integer, ${answer} from delivery
      -- An attempt that could not be signed keeps its place for the next.
      on conflict (delivery_id, number) do update set at = excluded.at, duration_ms = excluded.duration_ms, outcome = excluded.outcome,
        status = excluded.status, answer = excluded.answer
    ), endpoint as (
      update webhook_endpoints e set failing_since = case when ${isDelivered}::boolean then null else ${timestampOf(startedMs)} end
      from delivery d where e.id = d.endpoint_id and (e.failing_since is null) <> ${isDelivered}::boolean
    )
    select not ${isDelivered}::boolean and coalesce(e.failing_since <= now() - make_interval(secs => ${failingMs / 1_000}), false) as "failsForLong"
    from delivery d join webhook_endpoints e on e.id = d.endpoint_id`
  const [row] = await readRows(db, statement, z.object({ failsForLong: z.boolean() }))
  return row ?? null
}

/** Notes that deliveries could not be signed. It is no attempt of the schedule: the next one takes its place. */
export async function noteUnsigned(db: Db, deliveryIds: string[], answer: string): Promise<void> {
  await db.execute(sql`
    insert into webhook_attempts (delivery_id, number, duration_ms, outcome, answer)
    select id, attempts + 1, 0, 'secret_unavailable', ${answer} from webhook_deliveries
    where id = any(${sql.param(deliveryIds)}::text[]) and status = 'pending'
    on conflict (delivery_id, number) do update set at = excluded.at`)
}
