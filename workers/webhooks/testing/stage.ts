import { asc, eq, sql } from 'drizzle-orm'
import type { Db } from '#db/client.ts'
import { createOrganization } from '#db/queries/create-organization.ts'
import { putSecret } from '#db/queries/secret-of-place.ts'
import { webhookAttempts, webhookDeliveries, webhookEndpoints } from '#db/schema/index.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import type { WebhookNudge } from '#shared/contracts/events/webhook-nudge.ts'
import { webhookSecretPlace } from '#shared/contracts/webhook-secret.ts'
import { newId } from '#shared/values/id.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import { OpenedSecrets } from '#workers/services/secrets/opened-secrets.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import { keyRingOf } from '#workers/services/secrets/settings.ts'
import { openDnsResolver } from '#workers/services/targets/resolve-target.ts'
import type { Surroundings } from '../env.ts'
import { type Answer, type Receiver, startReceiver } from './receiver.ts'

export interface TestEndpoint {
  organizationId: string
  endpointId: string
  /** Its path at the receiver. */
  path: string
  secret: string
}

export interface Stage {
  database: TestDatabase
  db: Db
  receiver: Receiver
  /** What the Worker has, with a deliverer that only remembers. */
  platform: Surroundings
  nudges: { message: WebhookNudge; delaySeconds: number }[]
  begun: string[]
  organization(): Promise<string>
  endpoint(given?: Partial<typeof webhookEndpoints.$inferInsert> & { answer?: Answer }): Promise<TestEndpoint>
  /** Puts another secret where one of an endpoint's is sealed. */
  seal(endpoint: TestEndpoint, purpose: 'signing' | 'signing_previous', secret: string): Promise<void>
  /** Tells a customer so many things, for one endpoint or for all. */
  tell(organizationId: string, times?: number, onlyEndpointId?: string): Promise<void>
  /** The deliveries of an endpoint in the order of their events, and the attempts at them. */
  deliveries(endpointId: string): Promise<(typeof webhookDeliveries.$inferSelect)[]>
  attempts(endpointId: string): Promise<(typeof webhookAttempts.$inferSelect)[]>
  read(endpointId: string): Promise<typeof webhookEndpoints.$inferSelect | undefined>
  /** Time passes: all that waits for an endpoint is due, and who held it holds it no more. */
  makeDue(endpointId: string): Promise<void>
  stop(): Promise<void>
}

/** Keys as the settings of a Worker have them. */
export const kekSettings = { KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify({ test: Buffer.alloc(32, 7).toString('base64') }) }

/** All that delivering takes, over a real Postgres, with a strict receiver that is an allowed target. `dnsUrl` answers for other hosts. */
export async function setStage(dnsUrl = 'http://127.0.0.1:1'): Promise<Stage> {
  const [database, receiver] = await Promise.all([startTestDatabase(), startReceiver()])
  const { db } = database
  const nudges: Stage['nudges'] = []
  const begun: string[] = []
  const ring = keyRingOf(kekSettings)
  const platform: Surroundings = {
    db,
    transact: (work) => db.transaction(work),
    keyRing: () => ring,
    opened: new OpenedSecrets(),
    targets: { rules: { ownHosts: [], allowed: new Set([receiver.origin]) }, resolver: openDnsResolver(dnsUrl) },
    queue: { send: async (message, { delaySeconds = 0 } = {}) => nudges.push({ message, delaySeconds }) },
    deliverer: { begin: async ({ endpointId }) => void begun.push(endpointId) },
  }
  const organization = async () => {
    const organizationId = newId('org')
    await createOrganization(db, { organizationId, name: 'Test' })
    return organizationId
  }
  const seal: Stage['seal'] = async ({ organizationId, endpointId }, purpose, secret) => {
    const place = webhookSecretPlace(organizationId, endpointId, purpose)
    await putSecret(db, place, await sealSecret(ring, place, secret))
  }
  return {
    database,
    db,
    receiver,
    platform,
    nudges,
    begun,
    organization,
    seal,
    ...readers(db),
    endpoint: async ({ answer, ...given } = {}) => {
      const [endpointId, secret] = [newId('whe'), newSecret()]
      const path = `/${endpointId}`
      const organizationId = given.organizationId ?? (await organization())
      const row = { id: endpointId, url: receiver.origin + path, createdBy: 'usr_test', ...given, organizationId }
      await db.insert(webhookEndpoints).values(row)
      const endpoint = { organizationId, endpointId, path, secret }
      await seal(endpoint, 'signing', secret)
      receiver.expect(path, [secret], answer)
      return endpoint
    },
    tell: async (organizationId, times = 1, onlyEndpointId) => {
      const data = { endpointId: onlyEndpointId ?? 'whe_test' }
      for (let time = 0; time < times; time++)
        await recordEvent(db, { organizationId, type: 'webhook.test', data, ...(onlyEndpointId !== undefined && { onlyEndpointId }) })
    },
    stop: async () => {
      receiver.stop()
      await database.stop()
    },
  }
}

function readers(db: Db): Pick<Stage, 'deliveries' | 'attempts' | 'read' | 'makeDue'> {
  const isOf = (endpointId: string) => eq(webhookDeliveries.endpointId, endpointId)
  return {
    deliveries: (endpointId) => db.select().from(webhookDeliveries).where(isOf(endpointId)).orderBy(asc(webhookDeliveries.event)),
    attempts: async (endpointId) => {
      const rows = await db
        .select({ attempt: webhookAttempts })
        .from(webhookAttempts)
        .innerJoin(webhookDeliveries, eq(webhookDeliveries.id, webhookAttempts.deliveryId))
        .where(isOf(endpointId))
        .orderBy(asc(webhookDeliveries.event), asc(webhookAttempts.number))
      return rows.map(({ attempt }) => attempt)
    },
    read: async (endpointId) => (await db.select().from(webhookEndpoints).where(eq(webhookEndpoints.id, endpointId)))[0],
    makeDue: async (endpointId) => {
      await db.execute(sql`update webhook_deliveries set due_at = now() where endpoint_id = ${endpointId} and status = 'pending'`)
      await db.execute(sql`update webhook_endpoints set leased_until = null where id = ${endpointId}`)
    },
  }
}

export function newSecret(): string {
  return `whsec_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')}`
}
