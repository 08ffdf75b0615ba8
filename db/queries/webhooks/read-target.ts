import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'

const DeliveryTarget = z.object({
  endpointId: z.string(),
  organizationId: z.string(),
  url: z.string(),
  /** The signing secret; null when there is none, which is a fault of ours. */
  sealed: SealedSecret.nullable(),
  /** The secret before, while both sign. */
  sealedPrevious: SealedSecret.nullable(),
})
export type DeliveryTarget = z.infer<typeof DeliveryTarget>

/** Where an endpoint's deliveries go and what signs them; null when it is paused or gone. */
export async function readDeliveryTarget(db: Db, endpointId: string): Promise<DeliveryTarget | null> {
  const statement = sql`
    select e.id as "endpointId", e.organization_id as "organizationId", e.url, ${sealedOf(sql`s`)} as sealed, ${sealedOf(sql`p`)} as "sealedPrevious"
    from webhook_endpoints e
    left join secrets s on s.owner_table = 'webhook_endpoints' and s.owner_id = e.id and s.purpose = 'signing'
    left join secrets p on p.owner_table = 'webhook_endpoints' and p.owner_id = e.id and p.purpose = 'signing_previous' and e.previous_secret_until > now()
    where e.id = ${endpointId} and e.status = 'active'`
  const [row] = await readRows(db, statement, DeliveryTarget)
  return row ?? null
}

function sealedOf(row: SQL): SQL {
  return sql`case when ${row}.sealed is not null then jsonb_build_object('version', ${row}.version, 'kek', ${row}.kek, 'kekId', ${row}.kek_id,
    'wrappedDek', ${row}.wrapped_dek, 'sealed', ${row}.sealed) end`
}
