import type { UsageFault } from '../behaviours.ts'
import { type ReportedUsage, reportWrongUsage } from '../wrong-usage.ts'
import type { ModalityCount } from './prompt.ts'

/** Thoughts are no part of the candidates' tokens; what is cached is part of the prompt's. */
export type GeminiUsage = {
  prompt: readonly ModalityCount[]
  promptTokens: number
  cachedTokens: number
  candidatesTokens: number
  thoughtsTokens: number
}

const counts = ['promptTokenCount', 'candidatesTokenCount', 'totalTokenCount']

/** What `usageMetadata` says of the tokens so far, or null when it is left out. */
export function reportUsage(usage: GeminiUsage, fault: UsageFault | undefined): ReportedUsage | null {
  if (fault === 'absent') return null
  if (fault === 'null') return { json: 'null', parsed: null }
  return reportWrongUsage(fault, counts) ?? healthyUsage(usage)
}

/** An embedding consumes nothing but its prompt. */
export function reportPromptUsage(promptTokens: number, fault: UsageFault | undefined): ReportedUsage | null {
  if (fault === 'absent') return null
  if (fault === 'null') return { json: 'null', parsed: null }
  const parsed = { promptTokenCount: promptTokens, promptTokenDetails: [{ modality: 'TEXT', tokenCount: promptTokens }] }
  return reportWrongUsage(fault, ['promptTokenCount']) ?? { json: JSON.stringify(parsed), parsed }
}

/** The usage of an answer of which only half was counted. */
export function halveUsage(usage: GeminiUsage): GeminiUsage {
  return { ...usage, candidatesTokens: usage.candidatesTokens >> 1, thoughtsTokens: usage.thoughtsTokens >> 1 }
}

/** Protobuf's JSON leaves out a count of zero. */
function healthyUsage({ prompt, promptTokens, cachedTokens, candidatesTokens, thoughtsTokens }: GeminiUsage): ReportedUsage {
  const parsed = {
    promptTokenCount: promptTokens,
    ...(candidatesTokens > 0 ? { candidatesTokenCount: candidatesTokens } : {}),
    totalTokenCount: promptTokens + candidatesTokens + thoughtsTokens,
    ...(cachedTokens > 0 ? { cachedContentTokenCount: cachedTokens } : {}),
    promptTokensDetails: prompt,
    ...(cachedTokens > 0 ? { cacheTokensDetails: [{ modality: 'TEXT', tokenCount: cachedTokens }] } : {}),
    ...(candidatesTokens > 0 ? { candidatesTokensDetails: [{ modality: 'TEXT', tokenCount: candidatesTokens }] } : {}),
    ...(thoughtsTokens > 0 ? { thoughtsTokenCount: thoughtsTokens } : {}),
  }
  return { json: JSON.stringify(parsed), parsed }
}
