import type { WebhookEndpointRow } from '#db/queries/webhooks/endpoints.ts'
import type { WebhookEndpoint } from '#shared/contracts/api/webhooks.ts'

/** An endpoint as it is shown. A secret before that signs no more is not told of. */
export function endpointView(row: WebhookEndpointRow, nowMs: number): WebhookEndpoint {
  const {
    id: endpointId,
    url,
    description,
    eventTypes,
    status,
    pausedBecause,
    failingSince,
    previousSecretUntil,
    createdBy,
    createdAt,
  } = row
  const isOverlapping = previousSecretUntil !== null && previousSecretUntil.getTime() > nowMs
  return {
    endpointId,
    url,
    description,
    eventTypes,
    status,
    pausedBecause,
    failingSince: failingSince?.toISOString() ?? null,
    previousSecretUntil: isOverlapping ? previousSecretUntil.toISOString() : null,
    createdBy,
    createdAt: createdAt.toISOString(),
  }
}

/** What the audit log keeps of an endpoint. Of the URL its host alone: path and query may be all that it takes to post there. */
export function auditedEndpoint<Fields extends Partial<WebhookEndpointRow>>({ url, ...fields }: Fields): Record<string, unknown> {
  return { ...(url !== undefined && { host: new URL(url).host }), ...fields }
}
