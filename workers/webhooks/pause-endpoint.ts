import type { Transact } from '#db/client.ts'
import { pauseEndpoint as pauseRow } from '#db/queries/webhooks/pause-endpoint.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Actor } from '#workers/services/platform.ts'
import { failingMs } from './limits.ts'

const actor: Actor = { type: 'system', id: 'webhooks', ip: null, requestId: null }

/** Pauses an endpoint that is gone or has failed for days, and tells the owners and admins of its organization. False when it no longer was to be paused. */
export async function pauseEndpoint(transact: Transact, endpointId: string, reason: 'gone' | 'failing'): Promise<boolean> {
  return transact(async (tx) => {
    const paused = await pauseRow(tx, endpointId, reason === 'gone' ? { reason } : { reason, failingMs })
    if (!paused) return false
    await recordChange(tx, actor, {
      chain: { organizationId: paused.organizationId },
      action: 'webhook.paused',
      target: { type: 'webhook_endpoint', id: endpointId },
      before: { status: 'active', pausedBecause: null },
      after: { status: 'paused', pausedBecause: reason },
    })
    return true
  })
}
