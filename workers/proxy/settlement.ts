import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import type { RequestEnd, Settlement } from '#shared/contracts/usage-event.ts'
import { costNanos, hasCost } from '#shared/pricing/cost.ts'
import type { Usage } from '#shared/pricing/usage.ts'
import type { ChatCall } from './dialects/openai-chat.ts'
import type { Reading } from './dialects/openai-chat-usage.ts'
import { bytesPerToken } from './limits.ts'

/** What is known of a request's end besides its usage. */
export interface Ending {
  end: RequestEnd
  status: number | null
  routeId: string | null
  upstream: string | null
  latencyMs: number
  timeToFirstTokenMs: number | null
}

/**
 * What a request is charged. Reported usage is billed as reported, an explicit zero as zero. Unreported: nothing for nothing delivered, an estimate
 * for what was. An answer without output that ended blank or in an error is not charged (zero-completion insurance).
 */
export function settlementOf(reading: Reading, ending: Ending, call: ChatCall, model: CatalogueModel): Settlement {
  const reported = reading.usage && hasCost(reading.usage, model.price) ? reading.usage : null
  const { usage, estimated } = reported ? billedUsage(reading, reported) : estimatedUsage(reading, call)
  return { costNanos: costNanos(usage, model.price), usage, estimated, capped: false, ...ending }
}

interface Billed {
  usage: Usage
  estimated: boolean
}

function billedUsage(reading: Reading, reported: Usage): Billed {
  const { deliveredBytes, failed, finishReason } = reading
  const isBlank = deliveredBytes === 0 && (failed || blankFinishes.has(finishReason ?? ''))
  if (isBlank && (reported.outputTokens ?? 0) === 0) return { usage: { inputTokens: 0, outputTokens: 0 }, estimated: false }
  // Output that was delivered but not counted is not free: only an explicit zero is.
  if (reported.outputTokens === undefined && deliveredBytes > 0) {
    return { usage: { ...reported, outputTokens: tokensOf(deliveredBytes) }, estimated: true }
  }
  return { usage: reported, estimated: false }
}

function estimatedUsage({ deliveredBytes }: Reading, call: ChatCall): Billed {
  if (deliveredBytes === 0) return { usage: {}, estimated: false }
  return { usage: { inputTokens: tokensOf(call.bodyBytes), outputTokens: tokensOf(deliveredBytes) }, estimated: true }
}

function tokensOf(bytes: number): number {
  return Math.ceil(bytes / bytesPerToken)
}

const blankFinishes = new Set(['', 'error'])
