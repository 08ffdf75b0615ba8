import { z } from 'zod'

/** A count of tokens that an upstream can mean seriously; anything else is treated as not reported. */
export const TokenCount = z.int().min(0).max(1_000_000_000)

/**
 * What one request used, in buckets that never overlap. An absent bucket was not reported, zero was reported as zero.
 * `reasoningTokens` is the one exception: it tells how many of `outputTokens` were reasoning, and is never billed again.
 */
export const Usage = z.object({
  inputTokens: TokenCount.optional(),
  cacheReadTokens: TokenCount.optional(),
  cacheWrite5mTokens: TokenCount.optional(),
  cacheWrite1hTokens: TokenCount.optional(),
  outputTokens: TokenCount.optional(),
  reasoningTokens: TokenCount.optional(),
  inputAudioTokens: TokenCount.optional(),
  inputImageTokens: TokenCount.optional(),
  outputAudioTokens: TokenCount.optional(),
  outputImageTokens: TokenCount.optional(),
  /** What is sold by the piece: images made, milliseconds of audio heard, characters spoken, searches of the web. */
  images: TokenCount.optional(),
  audioMs: TokenCount.optional(),
  characters: TokenCount.optional(),
  webSearches: TokenCount.optional(),
})
export type Usage = z.infer<typeof Usage>

/** Every kind of input, as rate limits, long prompts and customers count it. */
export function inputTokensOf(usage: Usage): number {
  return (
    (usage.inputTokens ?? 0) +
    (usage.cacheReadTokens ?? 0) +
    (usage.cacheWrite5mTokens ?? 0) +
    (usage.cacheWrite1hTokens ?? 0) +
    (usage.inputAudioTokens ?? 0) +
    (usage.inputImageTokens ?? 0)
  )
}

/** Every kind of output. */
export function outputTokensOf(usage: Usage): number {
  return (usage.outputTokens ?? 0) + (usage.outputAudioTokens ?? 0) + (usage.outputImageTokens ?? 0)
}

/** All tokens of a request, as rate limits count them. */
export function totalTokens(usage: Usage): number {
  return inputTokensOf(usage) + outputTokensOf(usage)
}
