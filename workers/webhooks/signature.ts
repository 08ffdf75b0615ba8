import { Webhook } from 'standardwebhooks'

/** Headers that carry id, time and signatures of a payload, one by each secret, as Standard Webhooks 1.0 says. */
export function signatureHeaders(secrets: string[], id: string, at: Date, payload: string): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, payload)).join(' '),
  }
}
