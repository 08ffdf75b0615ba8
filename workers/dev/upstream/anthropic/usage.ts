import type { UsageFault } from '../behaviours.ts'
import { type ReportedUsage, reportWrongUsage } from '../wrong-usage.ts'

/** `inputTokens` leaves out what came from a cache or went into one; `outputTokens` includes thinking. */
export type MessageUsage = {
  inputTokens: number
  cachedTokens: number
  written5mTokens: number
  written1hTokens: number
  outputTokens: number
  thinkingTokens: number
  searches: number
}

/** The three places where usage stands; null where the key is left out. */
export type UsageReports = {
  whole: ReportedUsage | null
  start: ReportedUsage | null
  delta: ReportedUsage | null
}

export function reportUsage(usage: MessageUsage, fault: UsageFault | undefined): UsageReports {
  if (fault === 'absent') return { whole: null, start: null, delta: null }
  const wrong = fault === 'null' ? { json: 'null', parsed: null } : reportWrongUsage(fault, counts)
  if (wrong) return { whole: wrong, start: wrong, delta: wrong }
  const input = inputPart(usage)
  const creation = { ephemeral_5m_input_tokens: usage.written5mTokens, ephemeral_1h_input_tokens: usage.written1hTokens }
  const service = { service_tier: 'standard', inference_geo: 'not_available' }
  const output = outputPart(usage)
  return {
    whole: say({ ...input, cache_creation: creation, ...output, ...service }),
    // The first token is already there when the message begins.
    start: say({ ...input, cache_creation: creation, output_tokens: Math.min(1, usage.outputTokens), ...service }),
    delta: say({ ...input, ...output }),
  }
}

export function halfUsage(usage: MessageUsage): MessageUsage {
  return { ...usage, outputTokens: usage.outputTokens >> 1, thinkingTokens: usage.thinkingTokens >> 1 }
}

/** What a reader of the whole stream knows at its end: later counts replace earlier ones. */
export function mergeUsage(start: ReportedUsage | null, delta: ReportedUsage): unknown {
  if (typeof start?.parsed !== 'object' || typeof delta.parsed !== 'object' || delta.parsed === null) return delta.parsed
  return { ...start.parsed, ...delta.parsed }
}

const counts = ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens', 'output_tokens']

function inputPart({ inputTokens, cachedTokens, written5mTokens, written1hTokens }: MessageUsage): Record<string, number> {
  return {
    input_tokens: inputTokens,
    cache_creation_input_tokens: written5mTokens + written1hTokens,
    cache_read_input_tokens: cachedTokens,
  }
}

function outputPart({ outputTokens, thinkingTokens, searches }: MessageUsage): Record<string, unknown> {
  return {
    output_tokens: outputTokens,
    output_tokens_details: { thinking_tokens: thinkingTokens },
    ...(searches === 0 ? {} : { server_tool_use: { web_search_requests: searches, web_fetch_requests: 0 } }),
  }
}

function say(parsed: unknown): ReportedUsage {
  return { json: JSON.stringify(parsed), parsed }
}
