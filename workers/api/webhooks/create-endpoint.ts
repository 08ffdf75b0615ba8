import { putSecret } from '#db/queries/secret-of-place.ts'
import { insertWebhookEndpoint, listWebhookEndpoints } from '#db/queries/webhooks/endpoints.ts'
import type { NewWebhookEndpoint, WebhookEndpointWithSecret } from '#shared/contracts/api/webhooks.ts'
import { webhookSecretPlace } from '#shared/contracts/webhook-secret.ts'
import { newId } from '#shared/values/id.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import type { Scope } from '../caller/caller.ts'
import type { Surroundings } from '../env.ts'
import { maxWebhookEndpoints } from '../limits.ts'
import { lockScope } from '../organizations/lock-scope.ts'
import { admitUrl } from './admit-url.ts'
import { auditedEndpoint, endpointView } from './endpoint-view.ts'
import { webhookChange } from './webhook-change.ts'
import { newWebhookSecret } from './webhook-secret.ts'

/** Gives an organization one more webhook endpoint. Its secret is in this answer and nowhere else in clear. Throws a `KekFailure`, and nothing is stored. */
export async function createWebhookEndpoint(
  { platform, keyRing, targets }: { platform: Platform } & Pick<Surroundings, 'keyRing' | 'targets'>,
  scope: Scope,
  wanted: NewWebhookEndpoint,
): Promise<WebhookEndpointWithSecret> {
  await admitUrl(targets, platform.db, wanted.url)
  const which = { organizationId: scope.organizationId, endpointId: newId('whe') }
  const place = webhookSecretPlace(which.organizationId, which.endpointId, 'signing')
  const secret = newWebhookSecret()
  const sealed = await sealSecret(keyRing(), place, secret)
  const row = await platform.transact(async (tx) => {
    await lockScope(tx, scope, 'webhooks.manage')
    if ((await listWebhookEndpoints(tx, which.organizationId)).length >= maxWebhookEndpoints)
      throw new Problem(
        'conflict',
        `There are ${maxWebhookEndpoints} webhook endpoints already, as many as there may be. Delete one first.`,
      )
    const { organizationId, endpointId: id } = which
    const made = await insertWebhookEndpoint(tx, { ...wanted, id, organizationId, createdBy: platform.actor.id })
    await putSecret(tx, place, sealed)
    await recordChange(tx, platform.actor, { ...webhookChange(which, 'created'), after: auditedEndpoint(wanted) })
    return made
  })
  return { ...endpointView(row, Date.now()), secret }
}
