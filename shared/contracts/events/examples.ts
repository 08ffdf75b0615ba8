import type { EventData } from './customer-event.ts'
import type { CustomerEventType } from './types.ts'

const topUpId = 'top_01jd7m3v9c4t8k2n5q6r7s8w9x'
const key = { keyId: 'key_01jd7m3v9c4t8k2n5q6r7s8w9x', name: 'production', redactedKey: 'rrk_0123…wxyz' }

/** What an event of each type may tell, for the documentation. */
export const exampleData: { [Type in CustomerEventType]: EventData<Type> } = {
  'balance.low': { balanceNanos: 4_200_000_000, thresholdNanos: 5_000_000_000 },
  'balance.exhausted': { balanceNanos: -1_250_000, thresholdNanos: 0 },
  'topup.succeeded': { topUpId, kind: 'checkout', amountNanos: 25_000_000_000, balanceNanos: 29_200_000_000 },
  'topup.failed': { topUpId, kind: 'automatic', amountNanos: 25_000_000_000, reason: 'declined', retryAt: '2026-01-31T10:00:00.000Z' },
  'refund.created': { topUpId, cause: 'refund', amountNanos: 10_000_000_000, balanceNanos: 19_200_000_000 },
  'invoice.ready': { topUpId, invoiceNumber: 'RELAY-0042', amountNanos: 25_000_000_000 },
  'key.created': { ...key, createdBy: 'usr_01jd7m3v9c4t8k2n5q6r7s8w9x', replaces: null },
  'key.revoked': key,
  'key.limit_reached': { ...key, period: '2026-01-31', limitNanos: 1_000_000_000, spentNanos: 1_000_480_000 },
  'usage.daily_summary': { day: '2026-01-31', requests: 1_240, inputTokens: 3_870_112, outputTokens: 412_908, costNanos: 17_804_220_000 },
  'member.added': { userId: 'usr_01jd7m3v9c4t8k2n5q6r7s8w9x', role: 'developer' },
  'member.removed': { userId: 'usr_01jd7m3v9c4t8k2n5q6r7s8w9x' },
  'byok.invalid': { credentialId: 'byk_01jd7m3v9c4t8k2n5q6r7s8w9x' },
  'route.quality_changed': { model: 'gpt-relay-fast', upstream: 'openai', state: 'down' },
  'webhook.test': { endpointId: 'whe_01jd7m3v9c4t8k2n5q6r7s8w9x' },
}
