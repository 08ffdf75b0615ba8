import type { DeliveryTarget } from '#db/queries/webhooks/read-target.ts'
import { webhookSecretPlace } from '#shared/contracts/webhook-secret.ts'
import { logFailure } from '#workers/edge/log.ts'
import { KekFailure } from '#workers/services/secrets/key-ring.ts'
import type { Surroundings } from './env.ts'

/** The secrets that sign an endpoint's deliveries in clear, the current one first; null when they cannot be opened now. */
export async function openSigningSecrets(
  { keyRing, opened }: Pick<Surroundings, 'keyRing' | 'opened'>,
  { endpointId, organizationId, sealed, sealedPrevious }: DeliveryTarget,
): Promise<string[] | null> {
  const open = (purpose: 'signing' | 'signing_previous', secret: NonNullable<typeof sealed>) =>
    opened.open(keyRing, webhookSecretPlace(organizationId, endpointId, purpose), secret)
  try {
    if (!sealed) throw new KekFailure('unreadable', 'The endpoint has no signing secret.')
    const current = await open('signing', sealed)
    return sealedPrevious ? [current, await open('signing_previous', sealedPrevious)] : [current]
  } catch (error) {
    if (!(error instanceof KekFailure)) throw error
    logFailure('webhook_secret_unavailable', error, { endpointId })
    return null
  }
}
