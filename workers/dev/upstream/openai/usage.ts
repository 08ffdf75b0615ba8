import type { UsageFault } from '../behaviours.ts'
import { type ReportedUsage, reportWrongUsage } from '../wrong-usage.ts'

export type ChatUsage = { promptTokens: number; cachedTokens: number; completionTokens: number; reasoningTokens: number }

/** What the usage field says, or null when it is left out. */
export function reportUsage(usage: ChatUsage, fault: UsageFault | undefined): ReportedUsage | null {
  if (fault === 'absent') return null
  if (fault === 'null') return { json: 'null', parsed: null }
  return reportWrongUsage(fault, ['prompt_tokens', 'completion_tokens', 'total_tokens']) ?? healthyUsage(usage)
}

export function halfUsage(usage: ChatUsage): ReportedUsage {
  return healthyUsage({ ...usage, completionTokens: usage.completionTokens >> 1, reasoningTokens: usage.reasoningTokens >> 1 })
}

function healthyUsage({ promptTokens, cachedTokens, completionTokens, reasoningTokens }: ChatUsage): ReportedUsage {
  const parsed = {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
  return { json: JSON.stringify(parsed), parsed }
}
