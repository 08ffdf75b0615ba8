import type { Db } from '#db/client.ts'
import { deleteSecret, putSecret, readSecret } from '#db/queries/secret-of-place.ts'
import { changeWebhookEndpoint, findWebhookEndpoint, lockWebhookEndpoint, type WebhookEndpointRow } from '#db/queries/webhooks/endpoints.ts'
import { type Grant, grantOf } from '#shared/access/matrix.ts'
import type { WebhookEndpointWithSecret } from '#shared/contracts/api/webhooks.ts'
import type { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import { webhookSecretPlace } from '#shared/contracts/webhook-secret.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import { KekFailure, type KeyRing } from '#workers/services/secrets/key-ring.ts'
import { openSecret } from '#workers/services/secrets/open.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import type { Scope } from '../caller/caller.ts'
import { lockScope } from '../organizations/lock-scope.ts'
import { endpointView } from './endpoint-view.ts'
import { found, webhookChange } from './webhook-change.ts'
import { newWebhookSecret } from './webhook-secret.ts'

const hourMs = 3_600_000

/**
 * Puts a new secret in the place of an endpoint's, which signs as well for `overlapHours`. The new one is in this answer and nowhere else in clear. Throws a
 * `KekFailure`, and nothing changes, when none can be sealed or opened now; without an overlap the old secret need not open.
 */
export async function rotateWebhookSecret(
  platform: Platform,
  ring: KeyRing,
  { scope, endpointId, overlapHours }: { scope: Scope; endpointId: string; overlapHours: number },
): Promise<WebhookEndpointWithSecret> {
  const which = { organizationId: scope.organizationId, endpointId }
  ownOnly(found(await findWebhookEndpoint(platform.db, which)), scope.grant, scope)
  const [signing, previous] = placesOf(which)
  const replaced = await readSecret(platform.db, signing)
  const secret = newWebhookSecret()
  const sealed = await sealSecret(ring, signing, secret, (replaced?.version ?? 0) + 1)
  const kept = replaced && overlapHours > 0 ? await resealed(ring, which, replaced) : null
  const previousSecretUntil = kept && new Date(Date.now() + overlapHours * hourMs)
  const row = await platform.transact(async (tx) => {
    const { role } = await lockScope(tx, scope, 'webhooks.rotate_secret')
    ownOnly(found(await lockWebhookEndpoint(tx, which)), grantOf('webhooks.rotate_secret', role), scope)
    await refuseOvertaken(tx, which, replaced)
    await putSecret(tx, signing, sealed)
    if (kept) await putSecret(tx, previous, kept)
    else await deleteSecret(tx, previous)
    const after = { previousSecretUntil: previousSecretUntil?.toISOString() ?? null }
    await recordChange(tx, platform.actor, { ...webhookChange(which, 'secret_rotated'), after })
    return changeWebhookEndpoint(tx, endpointId, { previousSecretUntil })
  })
  return { ...endpointView(row, Date.now()), secret }
}

type Which = { organizationId: string; endpointId: string }

function placesOf({ organizationId, endpointId }: Which) {
  return [
    webhookSecretPlace(organizationId, endpointId, 'signing'),
    webhookSecretPlace(organizationId, endpointId, 'signing_previous'),
  ] as const
}

/** A sealed secret opens at its place only, so that it has to be sealed anew for another. */
async function resealed(ring: KeyRing, which: Which, replaced: SealedSecret): Promise<SealedSecret> {
  const [signing, previous] = placesOf(which)
  const secret = await openSecret(ring, signing, replaced).catch((error: unknown) => {
    if (!(error instanceof KekFailure && error.reason === 'unreadable')) throw error
    throw new Problem('conflict', 'The old secret can no longer be opened, so it cannot sign any longer. Rotate it with `overlapHours` 0.')
  })
  return sealSecret(ring, previous, secret, replaced.version)
}

/** What somebody else made does not exist for who may rotate only their own. */
function ownOnly({ createdBy }: WebhookEndpointRow, grant: Grant, { callerId }: Scope): void {
  found(grant === 'own' && createdBy !== callerId ? null : createdBy)
}

async function refuseOvertaken(tx: Db, which: Which, replaced: SealedSecret | null): Promise<void> {
  const [signing] = placesOf(which)
  if ((await readSecret(tx, signing))?.version === replaced?.version) return
  throw new Problem('conflict', 'The secret was rotated by somebody else in between; nothing was changed. Look, and try again.')
}
