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

const Delta = z.object({
  content: z.string().nullish(),
  refusal: z.string().nullish(),
  reasoning: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  tool_calls: z
    .array(z.object({ function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish() }))
    .nullish(),
})

const Answer = z.object({
  usage: z.unknown().optional(),
  error: z.unknown().optional(),
  choices: z
    .array(
      z.object({ delta: Delta.nullish(), message: Delta.nullish(), finish_reason: z.string().nullish(), usage: z.unknown().optional() }),
    )
    .nullish(),
})

/** Adds a whole answer, or one chunk of a streamed one, to what is known. Later usage replaces earlier: it is cumulative. */
export function readAnswer(reading: Reading, value: unknown): void {
  const answer = Answer.safeParse(value)
  if (!answer.success) return
  const { usage, error, choices } = answer.data
  if (error !== undefined && error !== null) reading.failed = true
  for (const choice of choices ?? []) {
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

/** Whether a chunk's data is the usage chunk that OpenAI sends at the end of a stream, with no choice in it. */
export function isUsageChunk(data: string): boolean {
  if (!data.includes('"usage"')) return false
  const chunk = parseChunk(data)
  return typeof chunk === 'object' && chunk !== null && 'usage' in chunk && 'choices' in chunk && isEmptyArray(chunk.choices)
}

/** The value of a chunk's data; undefined for the end mark and for what is not JSON. */
export function parseChunk(data: string): unknown {
  if (data === '[DONE]') return undefined
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function deltaBytes(delta: z.infer<typeof Delta> | null | undefined): number {
  if (!delta) return 0
  const calls = (delta.tool_calls ?? []).map((call) => (call.function?.name ?? '') + (call.function?.arguments ?? ''))
  const texts = [delta.content, delta.refusal, delta.reasoning_content ?? delta.reasoning, ...calls]
  return texts.reduce((bytes: number, text) => bytes + utf8Bytes(text ?? ''), 0)
}

function utf8Bytes(text: string): number {
  return text === '' ? 0 : encoder.encode(text).length
}

const encoder = new TextEncoder()
