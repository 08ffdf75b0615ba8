import { z } from 'zod'
import { TokenCount, type Usage } from '#shared/pricing/usage.ts'

/** What an answer told: of its tokens, of its end, and of how much was delivered. */
export interface Reading {
  /** Null when the upstream reported none that can be meant seriously. */
  usage: Usage | null
  /** UTF-8 bytes of text, reasoning and tool-call arguments that passed through. */
  deliveredBytes: number
  finishReason: string | null
  /** The upstream reported an error in the body. */
  failed: boolean
}

export function emptyReading(): Reading {
  return { usage: null, deliveredBytes: 0, finishReason: null, failed: false }
}

const ReportedUsage = z.object({
  prompt_tokens: TokenCount,
  completion_tokens: TokenCount.nullish(),
  prompt_tokens_details: z.object({ cached_tokens: TokenCount.nullish(), cache_write_tokens: TokenCount.nullish() }).nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: TokenCount.nullish() }).nullish(),
})

const Anything = z.unknown().optional()

const Delta = z
  .object({
    content: Anything,
    refusal: Anything,
    reasoning: Anything,
    reasoning_content: Anything,
    function_call: Anything,
    tool_calls: z
      .array(z.object({ function: Anything, custom: Anything }).nullable().catch(null))
      .nullish()
      .catch(null),
  })
  .nullish()
  .catch(null)

const Choice = z
  .object({ delta: Delta, message: Delta, finish_reason: z.string().nullish().catch(null), usage: Anything })
  .nullable()
  .catch(null)

/** Each part is read for itself: a vendor's own form of one must not hide the usage beside it. */
const Answer = z.object({ usage: Anything, error: Anything, choices: z.array(Choice).nullish().catch(null) })

/** Adds a whole answer, or one chunk of a streamed one, to what is known. Later usage replaces earlier: it is cumulative. */
export function readAnswer(reading: Reading, value: unknown): void {
  const answer = Answer.safeParse(value)
  if (!answer.success) return
  const { usage, error, choices } = answer.data
  if (error !== undefined && error !== null) reading.failed = true
  for (const choice of choices ?? []) {
    if (!choice) continue
    reading.finishReason = choice.finish_reason ?? reading.finishReason
    reading.deliveredBytes += deltaBytes(choice.delta) + deltaBytes(choice.message)
    reading.usage = readUsage(choice.usage) ?? reading.usage
  }
  reading.usage = readUsage(usage) ?? reading.usage
}

/**
 * OpenAI's `usage` in buckets that do not overlap: its prompt tokens include cached ones, its completion tokens include reasoning. Null for a
 * report that cannot be true: a text, a fraction, a negative or absurd number, more cached tokens than there are.
 */
export function readUsage(value: unknown): Usage | null {
  const reported = ReportedUsage.safeParse(value)
  if (!reported.success) return null
  const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = reported.data
  const cacheReadTokens = prompt_tokens_details?.cached_tokens ?? undefined
  const cacheWriteTokens = prompt_tokens_details?.cache_write_tokens ?? undefined
  const reasoningTokens = completion_tokens_details?.reasoning_tokens ?? undefined
  const inputTokens = prompt_tokens - (cacheReadTokens ?? 0) - (cacheWriteTokens ?? 0)
  if (inputTokens < 0) return null
  return {
    inputTokens,
    ...(cacheReadTokens === undefined ? {} : { cacheReadTokens }),
    ...(cacheWriteTokens === undefined ? {} : { cacheWrite5mTokens: cacheWriteTokens }),
    ...(completion_tokens === undefined || completion_tokens === null ? {} : { outputTokens: completion_tokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
  }
}

const UsageChunk = z.object({ usage: z.object({}), choices: z.array(z.unknown()).max(0), error: Anything })

/** Whether a chunk's data is the usage chunk that OpenAI sends at the end of a stream: with no choice in it, and no error that must be shown. */
export function isUsageChunk(data: string): boolean {
  if (!data.includes('"usage"') || data.includes('"usage":null')) return false
  const chunk = UsageChunk.safeParse(parseChunk(data))
  return chunk.success && (chunk.data.error ?? null) === null
}

/** Whether bytes of a stream can hold a usage chunk; false for nearly all, at the price of one look. */
export function mayReportUsage(bytes: Uint8Array): boolean {
  return /"usage"\s*:\s*\{/.test(decoder.decode(bytes))
}

const decoder = new TextDecoder()

/** The value of a chunk's data; undefined for the end mark and for what is not JSON. */
export function parseChunk(data: string): unknown {
  if (data === '[DONE]') return undefined
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

function deltaBytes(delta: z.infer<typeof Delta>): number {
  if (!delta) return 0
  const { content, refusal, reasoning, reasoning_content, function_call, tool_calls } = delta
  const calls = (tool_calls ?? []).map((call) => call?.function ?? call?.custom)
  const outputs = [content, refusal, reasoning_content ?? reasoning, function_call, ...calls]
  return outputs.reduce((bytes: number, output) => bytes + textBytes(output), 0)
}

/** UTF-8 bytes of a text, or of all texts in a vendor's own form of one, such as a list of parts. Does not recurse: depth is the upstream's. */
function textBytes(output: unknown): number {
  let bytes = 0
  const left = [output]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value === 'string') bytes += value === '' ? 0 : encoder.encode(value).length
    else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) left.push(inner)
  }
  return bytes
}

const encoder = new TextEncoder()
