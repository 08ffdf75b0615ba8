import { putSecret } from '#db/queries/secret-of-place.ts'
import { customerEvents, webhookDeliveries, webhookEndpoints } from '#db/schema/index.ts'
import { webhookSecretPlace } from '#shared/contracts/webhook-secret.ts'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import type { Stage } from './stage.ts'

/** A webhook endpoint of an organization, without any request: only for tests that are not about making them. */
export async function webhookOf({ db, surroundings }: Stage, organizationId: string, createdBy = 'usr_test'): Promise<string> {
  const id = newId('whe')
  await db.insert(webhookEndpoints).values({ id, organizationId, url: 'https://hooks.customer.dev/', createdBy })
  const place = webhookSecretPlace(organizationId, id, 'signing')
  await putSecret(db, place, await sealSecret(surroundings.keyRing(), place, 'whsec_dGVzdA=='))
  return id
}

/** A delivery to a webhook endpoint, of an event of its own, that has ended so. */
export async function deliveryOf(
  { db }: Stage,
  { organizationId, endpointId }: { organizationId: string; endpointId: string },
  made: Partial<typeof webhookDeliveries.$inferInsert> = {},
  type: 'byok.invalid' | 'member.removed' = 'byok.invalid',
): Promise<string> {
  const data = type === 'byok.invalid' ? { credentialId: 'byk_a' } : { userId: 'usr_a' }
  const [event] = await db.insert(customerEvents).values({ organizationId, type, data, fannedOutAt: new Date() }).returning()
  assert(event, 'an insert answers its row')
  const id = newId('dlv')
  const ended = { status: 'failed', attempts: 10, dueAt: null, finishedAt: new Date() } as const
  await db.insert(webhookDeliveries).values({ id, organizationId, endpointId, event: event.id, ...ended, ...made })
  return id
}
