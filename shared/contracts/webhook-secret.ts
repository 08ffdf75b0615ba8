import type { SecretPlace } from './sealed-secret.ts'

/** Where the signing secret of a webhook endpoint is sealed, and the one before it while both sign. The secret is `whsec_` and base64 of 32 bytes (Standard Webhooks 1.0). */
export function webhookSecretPlace(organizationId: string, endpointId: string, purpose: 'signing' | 'signing_previous'): SecretPlace {
  return { organizationId, table: 'webhook_endpoints', row: endpointId, purpose }
}
