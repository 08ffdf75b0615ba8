import { z } from 'zod'
import { assert } from '../values/assert.ts'
import { inputTokensOf, type Usage } from './usage.ts'

/** Pico-dollars per token, which is the same number as micro-dollars per million tokens. At most 10,000 dollars per million. */
export const PicosPerToken = z.int().min(0).max(10_000_000_000)

/** Nano-dollars for one piece: an image, a second, a search, a request. At most 100 dollars. */
export const NanosPerPiece = z.int().min(0).max(100_000_000_000)

const TokenPrices = z.object({
  inputPicos: PicosPerToken,
  cacheReadPicos: PicosPerToken,
  cacheWrite5mPicos: PicosPerToken,
  cacheWrite1hPicos: PicosPerToken,
  outputPicos: PicosPerToken,
})
type TokenPrices = z.infer<typeof TokenPrices>

/**
 * What a model sells beside text. Audio and image tokens without a price of their own cost what text does; a piece without a price is not sold.
 * `longContext` replaces the prices of a request whose input is longer than so many tokens, all of it.
 */
export const UnitPrices = z.strictObject({
  inputAudioPicos: PicosPerToken.optional(),
  inputImagePicos: PicosPerToken.optional(),
  outputAudioPicos: PicosPerToken.optional(),
  outputImagePicos: PicosPerToken.optional(),
  characterPicos: PicosPerToken.optional(),
  imageNanos: NanosPerPiece.optional(),
  secondNanos: NanosPerPiece.optional(),
  webSearchNanos: NanosPerPiece.optional(),
  /** Charged once for a request that used anything at all. */
  requestNanos: NanosPerPiece.optional(),
  longContext: z.strictObject({ aboveInputTokens: z.int().min(1), ...TokenPrices.shape }).optional(),
})
export type UnitPrices = z.infer<typeof UnitPrices>
export type UnitPriceName = keyof UnitPrices

/** The price of a model: every bucket of text tokens has one, so that no reported token is ever free by omission. */
export const Price = TokenPrices.extend({ units: UnitPrices.optional() })
export type Price = z.infer<typeof Price>

/** Nano-dollars for one request; scales first, divides once and rounds up, so that a fraction never becomes free usage. */
export function costNanos(usage: Usage, price: Price): number {
  const picos = picosOf(usage, price)
  assert(Number.isSafeInteger(picos), 'cost no longer fits a safe integer')
  return Math.ceil(picos / 1_000)
}

/** Whether a usage has a cost that can be counted: a price for each piece, and no absurd sum. Ask before `costNanos` for what others report. */
export function hasCost(usage: Usage, price: Price): boolean {
  return isSold(usage, price.units ?? {}) && Number.isSafeInteger(picosOf(usage, price))
}

/** The most a request can use. Tokens of all kinds; `audio` when some of them may be audio, on either side. */
export interface UsageBound {
  inputTokens: number
  outputTokens: number
  audio?: boolean
  images?: number
  audioMs?: number
  characters?: number
  webSearches?: number
}

/**
 * The most a request can cost: every input token at the dearest input price, every output token produced, every piece. Null when that is beyond all
 * counting, some nine thousand dollars.
 */
export function boundNanos(bound: UsageBound, price: Price): number | null {
  const { units = {} } = price
  const { longContext } = units
  const rates = longContext && bound.inputTokens > longContext.aboveInputTokens ? [price, longContext] : [price]
  const dearestInput = Math.max(
    ...rates.flatMap((rate) => [rate.inputPicos, rate.cacheReadPicos, rate.cacheWrite5mPicos, rate.cacheWrite1hPicos]),
    units.inputImagePicos ?? 0,
    bound.audio ? (units.inputAudioPicos ?? 0) : 0,
  )
  const dearestOutput = Math.max(
    ...rates.map((rate) => rate.outputPicos),
    units.outputImagePicos ?? 0,
    bound.audio ? (units.outputAudioPicos ?? 0) : 0,
  )
  const picos = bound.inputTokens * dearestInput + bound.outputTokens * dearestOutput + piecePicos(bound, units) + requestPicos(units)
  return Number.isSafeInteger(picos) ? Math.ceil(picos / 1_000) : null
}

function picosOf(usage: Usage, price: Price): number {
  const { units = {} } = price
  const { longContext } = units
  const rate: TokenPrices = longContext && inputTokensOf(usage) > longContext.aboveInputTokens ? longContext : price
  const picos =
    (usage.inputTokens ?? 0) * rate.inputPicos +
    (usage.cacheReadTokens ?? 0) * rate.cacheReadPicos +
    (usage.cacheWrite5mTokens ?? 0) * rate.cacheWrite5mPicos +
    (usage.cacheWrite1hTokens ?? 0) * rate.cacheWrite1hPicos +
    (usage.outputTokens ?? 0) * rate.outputPicos +
    (usage.inputAudioTokens ?? 0) * (units.inputAudioPicos ?? rate.inputPicos) +
    (usage.inputImageTokens ?? 0) * (units.inputImagePicos ?? rate.inputPicos) +
    (usage.outputAudioTokens ?? 0) * (units.outputAudioPicos ?? rate.outputPicos) +
    (usage.outputImageTokens ?? 0) * (units.outputImagePicos ?? rate.outputPicos) +
    piecePicos(usage, units)
  return Object.values(usage).some((count = 0) => count > 0) ? picos + requestPicos(units) : picos
}

type Pieces = Pick<Usage, 'images' | 'audioMs' | 'characters' | 'webSearches'>

/** A nano is a thousand picos, and a second a thousand milliseconds: nanos a second times milliseconds are picos. */
function piecePicos({ images = 0, audioMs = 0, characters = 0, webSearches = 0 }: Pieces, units: UnitPrices): number {
  return (
    images * (units.imageNanos ?? 0) * 1_000 +
    audioMs * (units.secondNanos ?? 0) +
    characters * (units.characterPicos ?? 0) +
    webSearches * (units.webSearchNanos ?? 0) * 1_000
  )
}

function requestPicos({ requestNanos = 0 }: UnitPrices): number {
  return requestNanos * 1_000
}

function isSold({ images = 0, audioMs = 0, characters = 0, webSearches = 0 }: Pieces, units: UnitPrices): boolean {
  return (
    (images === 0 || units.imageNanos !== undefined) &&
    (audioMs === 0 || units.secondNanos !== undefined) &&
    (characters === 0 || units.characterPicos !== undefined) &&
    (webSearches === 0 || units.webSearchNanos !== undefined)
  )
}
