import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'
import { isToldOfWebhooks } from '../mail/read-webhook-facts.ts'

/**
 * Pauses an active endpoint that is gone, or one that has failed for `failingMs`, and puts the mails about it into the outbox. What waits for one that is gone
 * fails; what waits for one that fails goes on when it is resumed. Answers whose it is; null when there was nothing to pause.
 */
export async function pauseEndpoint(
  tx: Db,
  endpointId: string,
  because: { reason: 'gone' } | { reason: 'failing'; failingMs: number },
): Promise<{ organizationId: string } | null> {
  const isSo = because.reason === 'gone' ? sql`true` : sql`failing_since <= now() - make_interval(secs => ${because.failingMs / 1_000})`
  const statement = sql`
    with paused as (
      update webhook_endpoints set status = 'paused', paused_because = ${because.reason}
      where id = ${endpointId} and status = 'active' and ${isSo}
      returning id, organization_id
    ), failed as (
      update webhook_deliveries d set status = 'failed', due_at = null, finished_at = now()
      from paused p where ${because.reason} = 'gone' and d.endpoint_id = p.id and d.status = 'pending'
    ), mails as (
      insert into mail_outbox (message)
      select jsonb_build_object('kind', 'webhook_paused', 'endpointId', p.id, 'userId', u.id)
      from paused p join organizations o on o.id = p.organization_id
      join memberships m on m.organization_id = o.id join users u on u.id = m.user_id
      where ${isToldOfWebhooks}
    )
    select organization_id as "organizationId" from paused`
  const [row] = await readRows(tx, statement, z.object({ organizationId: z.string() }))
  return row ?? null
}
