import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import { countedSliceLength, unknownTokenizerFactor } from './limits.ts'

/** What is left for the texts of a model's requests to be counted in. */
export type Tokenizer = CatalogueModel['tokenizer']

/**
 * How many tokens the texts have at most in a model's tokenizer; null as soon as they are more than `most`. The text is cut into slices, since the time
 * of byte pair encoding grows with the square of a run without a break; a cut only adds tokens. Where no tokenizer is published, another one's count
 * with a margin stands in.
 */
export async function countTokens(text: string, tokenizer: Tokenizer, most: number): Promise<number | null> {
  // Loaded with the first request that needs it: 2 MB of ranks, 20 MB of memory.
  const { countTokens: countSlice } = await import('gpt-tokenizer/encoding/o200k_base')
  const factor = tokenizer === 'unknown' ? unknownTokenizerFactor : 1
  let tokens = 0
  for (let start = 0; start < text.length; start += countedSliceLength) {
    tokens += factor * countSlice(text.slice(start, start + countedSliceLength), asText)
    if (tokens > most) return null
  }
  return tokens
}

/** A client may write `<|endoftext|>`: for the model it is text like any other. */
const asText = { disallowedSpecial: new Set<string>() }
