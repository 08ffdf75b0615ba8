import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import { countedAtOnce, countedSliceLength, tokensPerCut, tokensPerFrame, unknownTokenizerFactor } from '../limits.ts'

export type Tokenizer = CatalogueModel['tokenizer']

/** What a provider makes a prompt of: texts, and the number of places in which it sets them between tokens of its own. */
export interface Prompt {
  texts: readonly string[]
  frames: number
}

/**
 * How many tokens a prompt has at most in a model's tokenizer; null as soon as they are more than `most`. Texts are cut into slices, since the time of
 * byte pair encoding grows with the square of a run without a break. Where no tokenizer is published, another one's count with a margin stands in.
 */
export async function countTokens({ texts, frames }: Prompt, tokenizer: Tokenizer, most: number): Promise<number | null> {
  // Loaded with the first request that needs it: 2 MB of ranks, 20 MB of memory.
  const { countTokens: countSlice, clearMergeCache } = await import('gpt-tokenizer/encoding/o200k_base')
  const factor = tokenizer === 'unknown' ? unknownTokenizerFactor : 1
  let tokens = factor * tokensPerFrame * frames
  let untilPause = countedAtOnce
  try {
    for (const text of texts) {
      for (let start = 0; start < text.length; ) {
        const { slice, hiddenTokens } = sliceOf(text, start)
        start += slice.length
        tokens += factor * (countSlice(slice, asText) + hiddenTokens)
        if (tokens > most) return null
        untilPause -= slice.length
        if (untilPause > 0) continue
        untilPause = countedAtOnce
        await othersTurn()
      }
    }
    return tokens <= most ? tokens : null
  } finally {
    clearMergeCache() // No part of a prompt stays behind.
  }
}

/** A client may write `<|endoftext|>`: for the model it is text like any other. */
const asText = { disallowedSpecial: new Set<string>() }

/**
 * The slice from `start`, and how many tokens its cut can hide: none at a space between letters, where the tokenizer cuts as well. Half a surrogate
 * pair would be counted as another character.
 */
function sliceOf(text: string, start: number): { slice: string; hiddenTokens: number } {
  const end = start + countedSliceLength
  if (end >= text.length) return { slice: text.slice(start), hiddenTokens: 0 }
  const [words] = /^[\s\S]*[A-Za-z](?= [A-Za-z])/.exec(text.slice(start, end)) ?? []
  if (words) return { slice: words, hiddenTokens: 0 }
  const last = text.charCodeAt(end - 1)
  const isHalf = last >= 0xd800 && last < 0xdc00
  return { slice: text.slice(start, isHalf ? end - 1 : end), hiddenTokens: tokensPerCut }
}

/** Other requests of the isolate go on meanwhile. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve))
}
