/** Every type of event that customers are told of, in the order of the documentation. */
export const customerEventTypes = [
  'balance.low',
  'balance.exhausted',
  'topup.succeeded',
  'topup.failed',
  'refund.created',
  'invoice.ready',
  'key.created',
  'key.revoked',
  'key.limit_reached',
  'usage.daily_summary',
  'member.added',
  'member.removed',
  'byok.invalid',
  'route.quality_changed',
  'webhook.test',
] as const
export type CustomerEventType = (typeof customerEventTypes)[number]
