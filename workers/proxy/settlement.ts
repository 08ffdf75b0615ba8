import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import type { RequestEnd, Settlement } from '#shared/contracts/usage-event.ts'
import { costNanos } from '#shared/pricing/cost.ts'
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
  const { usage, estimated } = billedUsage(reading, call)
  return { costNanos: costNanos(usage, model.price), usage, estimated, capped: false, ...ending }
}

function billedUsage(reading: Reading, call: ChatCall): { usage: Usage; estimated: boolean } {
  const isBlank = reading.deliveredBytes === 0 && (reading.failed || blankFinishes.has(reading.finishReason ?? ''))
  if (reading.usage) {
    const wasInsured = isBlank && (reading.usage.outputTokens ?? 0) === 0
    return { usage: wasInsured ? { inputTokens: 0, outputTokens: 0 } : reading.usage, estimated: false }
  }
  if (reading.deliveredBytes === 0) return { usage: {}, estimated: false }
  return {
    usage: {
      inputTokens: Math.ceil(call.bodyBytes / bytesPerToken),
      outputTokens: Math.ceil(reading.deliveredBytes / bytesPerToken),
    },
    estimated: true,
  }
}

const blankFinishes = new Set(['', 'error'])
