import type { Price } from './cost.ts'

/** What a customer pays us for what it pays its provider for: an explicit zero. It is the platform's own, and in no table. */
export const ownKeyPrice = {
  priceVersionId: 'byok',
  inputPicos: 0,
  cacheReadPicos: 0,
  cacheWrite5mPicos: 0,
  cacheWrite1hPicos: 0,
  outputPicos: 0,
} as const satisfies Price & { priceVersionId: string }
