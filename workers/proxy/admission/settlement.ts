import type { Settlement } from '#shared/contracts/usage-event.ts'
import { costNanos, hasCost, type Price } from '#shared/pricing/cost.ts'
import { outputTokensOf, type Usage } from '#shared/pricing/usage.ts'
import type { Call, Reading } from '../dialects/dialect.ts'
import { bytesPerToken } from '../limits.ts'

/** What is known of a request's end besides its usage and cost. */
export type Ending = Omit<Settlement, 'costNanos' | 'usage' | 'estimated' | 'capped'>

/**
 * What a request is charged. What was delivered by the piece counts where the model is priced by the piece. Otherwise reported usage is billed as reported,
 * an explicit zero as zero. Unreported: nothing for nothing delivered, an estimate for what was. An answer without output that ended blank or in an error
 * is not charged (zero-completion insurance). Without a price the call is free.
 */
export function settlementOf(reading: Reading, ending: Ending, call: Call, price: Price | null): Settlement {
  if (price === null) return { costNanos: 0, usage: {}, estimated: false, capped: false, ...ending }
  const { usage, estimated } = billedOf(reading, call, price)
  return { costNanos: costNanos(usage, price), usage, estimated, capped: false, ...ending }
}

interface Billed {
  usage: Usage
  estimated: boolean
}

function billedOf(reading: Reading, call: Call, price: Price): Billed {
  const told = reading.deliveredBytes > 0 ? (call.toldUsage ?? reading.toldUsage) : null
  if (told && hasCost(told, price)) return { usage: told, estimated: false }
  const reported = reading.usage && hasCost(reading.usage, price) ? reading.usage : null
  return reported ? billedUsage(reading, reported) : unreportedUsage(reading, call)
}

function billedUsage(reading: Reading, reported: Usage): Billed {
  const { deliveredBytes, failed, finishReason } = reading
  const isBlank = deliveredBytes === 0 && (failed || blankFinishes.has(finishReason ?? ''))
  if (isBlank && outputTokensOf(reported) === 0) return { usage: { inputTokens: 0, outputTokens: 0 }, estimated: false }
  // Output that was delivered but not counted is not free: only an explicit zero is.
  if (reported.outputTokens === undefined && deliveredBytes > 0) {
    return { usage: { ...reported, outputTokens: tokensOf(deliveredBytes) }, estimated: true }
  }
  return { usage: reported, estimated: false }
}

function unreportedUsage({ deliveredBytes }: Reading, call: Call): Billed {
  if (deliveredBytes === 0) return { usage: {}, estimated: false }
  const inputTokens = Math.min(tokensOf(call.bodyBytes), call.inputTokensBound)
  const text = { inputTokens, outputTokens: tokensOf(deliveredBytes) }
  return { usage: call.estimate?.(text) ?? text, estimated: true }
}

function tokensOf(bytes: number): number {
  return Math.ceil(bytes / bytesPerToken)
}

const blankFinishes = new Set(['', 'error'])
