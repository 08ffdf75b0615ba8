import type { EndpointReference } from '#db/queries/webhooks/endpoints.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Change } from '#workers/services/audit/record-change.ts'

/** A change of an endpoint, as the audit log tells it; `what` as in `webhook.created`. */
export function webhookChange(
  { organizationId, endpointId }: EndpointReference,
  what: string,
): Pick<Change, 'chain' | 'action' | 'target'> {
  return { chain: { organizationId }, action: `webhook.${what}`, target: { type: 'webhook_endpoint', id: endpointId } }
}

/** What was looked for; throws 404 when it is not there. */
export function found<Value>(value: Value | null, what: 'webhook endpoint' | 'delivery' = 'webhook endpoint'): Value {
  if (value === null) throw new Problem('not_found', `There is no such ${what} here.`)
  return value
}

/** To a paused endpoint nothing is sent. */
export function refusePaused({ status }: { status: 'active' | 'paused' }): void {
  if (status === 'paused') throw new Problem('conflict', 'The webhook endpoint is paused. Activate it first.')
}
