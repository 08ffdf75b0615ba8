import { z } from 'zod'
import { TokenCount, type Usage } from '#shared/pricing/usage.ts'
import { deliveredBytesOf } from './delivered-bytes.ts'
import type { Reading } from './dialect.ts'
import { withoutAbsent } from './usage-buckets.ts'

const Modalities = z.array(z.object({ modality: z.string().nullish(), tokenCount: TokenCount.nullish() })).nullish()

const ReportedUsage = z.object({
  promptTokenCount: TokenCount,
  candidatesTokenCount: TokenCount.nullish(),
  thoughtsTokenCount: TokenCount.nullish(),
  toolUsePromptTokenCount: TokenCount.nullish(),
  cachedContentTokenCount: TokenCount.nullish(),
  totalTokenCount: TokenCount.nullish(),
  promptTokensDetails: Modalities,
  cacheTokensDetails: Modalities,
  candidatesTokensDetails: Modalities,
})
type ReportedUsage = z.infer<typeof ReportedUsage>

const Anything = z.unknown().optional()
const Part = z
  .object({ text: Anything, functionCall: Anything, executableCode: Anything, codeExecutionResult: Anything, inlineData: Anything })
  .nullable()
  .catch(null)
const Candidate = z
  .object({
    content: z
      .object({ parts: z.array(Part).nullish().catch(null) })
      .nullish()
      .catch(null),
    finishReason: z.string().nullish().catch(null),
    groundingMetadata: z
      .object({ webSearchQueries: z.array(z.string()).nullish().catch(null) })
      .nullish()
      .catch(null),
  })
  .nullable()
  .catch(null)

/** Each part is read for itself: an odd form of one must not hide the usage beside it. */
const Answer = z.object({
  candidates: z.array(Candidate).nullish().catch(null),
  promptFeedback: z
    .object({ blockReason: z.string().nullish().catch(null) })
    .nullish()
    .catch(null),
  usageMetadata: Anything,
  error: Anything,
  responseId: z.string().nullish().catch(null),
})

/** Adds a whole answer, or one chunk of a streamed one, to what is known. Usage is cumulative: the last one counts. */
export function readAnswer(reading: Reading, value: unknown): void {
  const answer = Answer.safeParse(value)
  if (!answer.success) return
  const { candidates, promptFeedback, usageMetadata, error, responseId } = answer.data
  if (error !== undefined && error !== null) reading.failed = true
  reading.answerId = responseId ?? reading.answerId
  // A prompt that is blocked ends without a candidate.
  if (promptFeedback?.blockReason) reading.finishReason ??= ''
  let searches = 0
  for (const candidate of candidates ?? []) {
    reading.finishReason = finishOf(candidate?.finishReason) ?? reading.finishReason
    for (const part of candidate?.content?.parts ?? []) reading.deliveredBytes += bytesOf(part)
    searches += (candidate?.groundingMetadata?.webSearchQueries ?? []).filter((query) => query !== '').length
  }
  const usage = readUsage(usageMetadata, reading.finishReason !== null) ?? reading.usage
  // Queries stand in one chunk of a stream, and its usage in every.
  const webSearches = Math.max(searches, reading.usage?.webSearches ?? 0)
  reading.usage = usage && webSearches > 0 ? { ...usage, webSearches } : usage
}

/**
 * Gemini's `usageMetadata` in buckets that do not overlap: the prompt includes what was cached, results of tools and thoughts come on top. Null for a
 * report that cannot be true. Protobuf leaves out a count of zero, so once the answer `hasEnded` the total tells that there was no output.
 */
export function readUsage(value: unknown, hasEnded: boolean): Usage | null {
  const reported = ReportedUsage.safeParse(value)
  if (!reported.success) return null
  const { promptTokenCount, cachedContentTokenCount, toolUsePromptTokenCount, thoughtsTokenCount } = reported.data
  const { promptTokensDetails, cacheTokensDetails, candidatesTokensDetails } = reported.data
  const inputAudio = tokensOf('AUDIO', promptTokensDetails) - tokensOf('AUDIO', cacheTokensDetails)
  const inputImages = tokensOf('IMAGE', promptTokensDetails) - tokensOf('IMAGE', cacheTokensDetails)
  const outputAudio = tokensOf('AUDIO', candidatesTokensDetails)
  const outputImages = tokensOf('IMAGE', candidatesTokensDetails)
  const candidates = candidatesOf(reported.data, hasEnded)
  const hasOutput = candidates !== undefined || typeof thoughtsTokenCount === 'number'
  const usage: Usage = {
    inputTokens: promptTokenCount - (cachedContentTokenCount ?? 0) - inputAudio - inputImages + (toolUsePromptTokenCount ?? 0),
    cacheReadTokens: cachedContentTokenCount ?? undefined,
    inputAudioTokens: inputAudio || undefined,
    inputImageTokens: inputImages || undefined,
    outputTokens: hasOutput ? (candidates ?? 0) + (thoughtsTokenCount ?? 0) - outputAudio - outputImages : undefined,
    outputAudioTokens: outputAudio || undefined,
    outputImageTokens: outputImages || undefined,
    reasoningTokens: thoughtsTokenCount ?? undefined,
  }
  return Object.values(usage).some((count = 0) => count < 0) ? null : withoutAbsent(usage)
}

/** The tokens of the candidates; undefined when nothing tells them. A count that is left out is what the others leave of the total. */
function candidatesOf(reported: ReportedUsage, hasEnded: boolean): number | undefined {
  const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount, toolUsePromptTokenCount, totalTokenCount } = reported
  if (typeof candidatesTokenCount === 'number') return candidatesTokenCount
  if (typeof totalTokenCount !== 'number') return undefined
  const left = totalTokenCount - promptTokenCount - (toolUsePromptTokenCount ?? 0) - (thoughtsTokenCount ?? 0)
  return left > 0 || (left === 0 && hasEnded) ? left : undefined
}

function tokensOf(modality: string, details: z.infer<typeof Modalities>): number {
  const ofModality = (details ?? []).filter((each) => each.modality === modality)
  return ofModality.reduce((sum, { tokenCount }) => sum + (tokenCount ?? 0), 0)
}

/** A file that was made counts as one: its bytes say nothing about its tokens. */
function bytesOf(part: z.infer<typeof Part>): number {
  if (!part) return 0
  const { inlineData, ...texts } = part
  return deliveredBytesOf(Object.values(texts)) + (inlineData ? 1 : 0)
}

/** Reasons that name no end of the model's own count as the blank and error finishes of the other families. */
function finishOf(reason: string | null | undefined): string | null | undefined {
  return typeof reason === 'string' ? (faultyFinishes[reason] ?? reason) : reason
}

const faultyFinishes: Record<string, string> = {
  FINISH_REASON_UNSPECIFIED: '',
  OTHER: 'error',
  MALFORMED_FUNCTION_CALL: 'error',
  MALFORMED_RESPONSE: 'error',
  UNEXPECTED_TOOL_CALL: 'error',
  IMAGE_OTHER: 'error',
}
