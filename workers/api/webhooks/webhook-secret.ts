import { encodeBase64 } from '#workers/services/secrets/base64url.ts'

/** A new signing secret in the form of Standard Webhooks 1.0. */
export function newWebhookSecret(): string {
  return `whsec_${encodeBase64(crypto.getRandomValues(new Uint8Array(32)))}`
}
