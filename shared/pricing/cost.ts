import { z } from 'zod'
import { assert } from '../values/assert.ts'
import type { Usage } from './usage.ts'

/** Pico-dollars per token, which is the same number as micro-dollars per million tokens. At most 10,000 dollars per million. */
export const PicosPerToken = z.int().min(0).max(10_000_000_000)

/** The price of a model: every bucket has one, so that no reported token is ever free by omission. */
export const Price = z.object({
  inputPicos: PicosPerToken,
  cacheReadPicos: PicosPerToken,
  cacheWrite5mPicos: PicosPerToken,
  cacheWrite1hPicos: PicosPerToken,
  outputPicos: PicosPerToken,
})
export type Price = z.infer<typeof Price>

/** Nano-dollars for one request; scales first, divides once and rounds up, so that a fraction never becomes free usage. */
export function costNanos(usage: Usage, price: Price): number {
  const picos = picosOf(usage, price)
  assert(Number.isSafeInteger(picos), 'cost no longer fits a safe integer')
  return Math.ceil(picos / 1_000)
}

/** Whether a usage has a cost that can be counted. Ask before `costNanos` for a usage that others report. */
export function hasCost(usage: Usage, price: Price): boolean {
  return Number.isSafeInteger(picosOf(usage, price))
}

/**
 * The most a request can cost: every input token at the dearest input price, every output token produced. Null when that is beyond all counting,
 * some nine thousand dollars.
 */
export function boundNanos(tokens: { inputTokens: number; outputTokens: number }, price: Price): number | null {
  const dearestInputPicos = Math.max(price.inputPicos, price.cacheReadPicos, price.cacheWrite5mPicos, price.cacheWrite1hPicos)
  const picos = tokens.inputTokens * dearestInputPicos + tokens.outputTokens * price.outputPicos
  return Number.isSafeInteger(picos) ? Math.ceil(picos / 1_000) : null
}

function picosOf(usage: Usage, price: Price): number {
  return (
    (usage.inputTokens ?? 0) * price.inputPicos +
    (usage.cacheReadTokens ?? 0) * price.cacheReadPicos +
    (usage.cacheWrite5mTokens ?? 0) * price.cacheWrite5mPicos +
    (usage.cacheWrite1hTokens ?? 0) * price.cacheWrite1hPicos +
    (usage.outputTokens ?? 0) * price.outputPicos
  )
}
