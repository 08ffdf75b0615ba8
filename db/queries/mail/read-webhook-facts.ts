import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const PausedWebhookFacts = z.object({
  email: z.string(),
  organization: z.string(),
  url: z.string(),
  pausedBecause: z.enum(['failing', 'gone']),
  failingSinceMs: SafeBigint.nullable(),
  /** What came of the newest attempt; null when none is kept. */
  lastOutcome: z.string().nullable(),
  lastStatus: z.int().nullable(),
})
export type PausedWebhookFacts = z.infer<typeof PausedWebhookFacts>

/** What the mail about a paused webhook endpoint says; null when it is not paused any more, or the user is not told of webhooks any more. */
export async function readPausedWebhookFacts(
  db: Db,
  { endpointId, userId }: { endpointId: string; userId: string },
): Promise<PausedWebhookFacts | null> {
  const statement = sql`
    select u.email, o.name as organization, e.url, e.paused_because as "pausedBecause",
      floor(extract(epoch from e.failing_since) * 1000)::bigint as "failingSinceMs", last.outcome as "lastOutcome", last.status as "lastStatus"
    from webhook_endpoints e join organizations o on o.id = e.organization_id
    join memberships m on m.organization_id = o.id join users u on u.id = m.user_id
    left join lateral (
      select a.outcome, a.status from webhook_deliveries d join webhook_attempts a on a.delivery_id = d.id
      where d.endpoint_id = e.id order by a.at desc limit 1
    ) last on true
    where e.id = ${endpointId} and u.id = ${userId} and e.paused_because in ('failing', 'gone') and ${isToldOfWebhooks}`
  const [row] = await readRows(db, statement, PausedWebhookFacts)
  return row ?? null
}

/** Owners and admins, at addresses that are shown to be theirs, of an organization that is not deleted; reads `o`, `m` and `u`. */
export const isToldOfWebhooks = sql`
  m.role in ('owner', 'admin') and u.email_verified_at is not null and u.deleted_at is null and o.deleted_at is null`
