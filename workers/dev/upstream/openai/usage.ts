import type { UsageFault } from '../behaviours.ts'

export type ChatUsage = { promptTokens: number; cachedTokens: number; completionTokens: number; reasoningTokens: number }

/** Usage as text, because some faults (1e400, NaN) cannot be said by JSON.stringify. */
export type ReportedUsage = { json: string; parsed: unknown }

// What a count is replaced by under each fault that touches the counts themselves.
const wrongCounts: Partial<Record<UsageFault, string>> = {
  zero: '0',
  absurd: '1000000000000000',
  negative: '-5',
  text: '"12"',
  'empty-text': '""',
  fraction: '1.5',
  overflow: '1e400',
  'not-a-number': 'NaN',
}

/** What the usage field says, or null when it is left out. */
export function reportUsage(usage: ChatUsage, fault: UsageFault | undefined): ReportedUsage | null {
  if (fault === 'absent') return null
  if (fault === 'null') return { json: 'null', parsed: null }
  const wrong = fault && wrongCounts[fault]
  if (wrong === undefined) return healthyUsage(usage)
  const json = `{"prompt_tokens":${wrong},"completion_tokens":${wrong},"total_tokens":${wrong}}`
  // Infinity and NaN do not survive JSON, so the truth shows the text that was sent.
  return { json, parsed: fault === 'overflow' || fault === 'not-a-number' ? json : JSON.parse(json) }
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
