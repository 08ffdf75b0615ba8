import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { countedAtOnce, countedBodyBytes, countedSliceLength, tokensPerCut, tokensPerFrame } from '../limits.ts'
import { countTokens, type Tokenizer } from './count-tokens.ts'

function count(text: string, most = Number.POSITIVE_INFINITY, tokenizer: Tokenizer = 'o200k_base'): Promise<number | null> {
  return countTokens({ texts: [text], frames: 0 }, tokenizer, most)
}

const bytesOf = (text: string) => new TextEncoder().encode(text).length

/** Counts of o200k_base as OpenAI's own implementation gives them. */
describe('a text has as many tokens as OpenAI counts', () => {
  test.each([
    ['', 0],
    ['hello world', 2],
    ['tiktoken is great!', 6],
    ['antidisestablishmentarianism', 6],
    ['2 + 2 = 4', 7],
    ['1234567890', 4],
    ["don't I'LL", 3],
    ['\\reason', 2],
    ['お誕生日おめでとう', 8],
    ['语言模型的计费必须精确。', 9],
    ['Привет, как дела?', 6],
    ['한국어 שלום नमस्ते', 6],
    ['👩‍🚀🇨🇭🚀', 11],
    ['e\u0301te\u0301 naïve ﬁn 𝛑', 12],
    ['function add(a: number, b: number): number {\n  return a + b\n}\n', 19],
    ['\n\n\n\n    \t\t  x', 4],
    ['https://example.com/a?b=c&d=%20#e', 14],
    ['a'.repeat(countedSliceLength), 50],
    [' '.repeat(countedSliceLength), 4],
    // Special tokens are text like any other when a client writes them.
    ['<|endoftext|>', 7],
    ['<|endofprompt|> and <|fim_prefix|>', 14],
  ])('%j', async (text, tokens) => {
    expect(await count(text)).toBe(tokens)
  })
})

test('counting ends with what fits: exactly that is counted, one more is too many', async () => {
  expect(await count('hello world', 2)).toBe(2)
  expect(await count('hello world', 1)).toBeNull()
  expect(await countTokens({ texts: [], frames: 1 }, 'o200k_base', tokensPerFrame - 1)).toBeNull()
})

test('every text and every frame is counted', async () => {
  expect(await countTokens({ texts: ['hello world', 'hello'], frames: 2 }, 'o200k_base', 100)).toBe(3 + 2 * tokensPerFrame)
})

test('a model whose tokenizer is not published is counted with a margin', async () => {
  expect(await countTokens({ texts: ['hello world'], frames: 1 }, 'unknown', 100)).toBe(4 + 2 * tokensPerFrame)
})

test('a text without a long run is never counted above its bytes', async () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom('\ud83d', '<|endoftext|>', '\ufeff', '\n', ' '), fc.string({ unit: 'grapheme' })),
  })
  await fc.assert(
    fc.asyncProperty(text, async (text) => {
      expect(await count(text)).toBeLessThanOrEqual(bytesOf(text))
    }),
  )
})

describe('a text longer than a slice', () => {
  test('of words is cut where its tokens end anyway, and counted exactly', async () => {
    const sentence = ' The quick brown fox jumps over the lazy dog'
    const one = (await count(sentence)) ?? 0
    expect(await count(sentence.repeat(1_000))).toBe(1_000 * one)
  })

  test('without a break is counted with what its cuts can hide', async () => {
    const cuts = 20
    const text = 'a'.repeat(countedSliceLength * (cuts + 1))
    expect(await count(text)).toBe(50 * (cuts + 1) + tokensPerCut * cuts)
  })

  test('is not cut within a character', async () => {
    const text = `a${'🚀'.repeat(countedSliceLength)}`
    expect(await count(text)).toBeGreaterThanOrEqual(((await count('🚀'.repeat(100))) ?? 0) * (countedSliceLength / 100))
  })
})

test('the longest text that is counted takes turns with other requests, whatever is in it', async () => {
  const letters = Array.from({ length: countedBodyBytes }, (_, index) => String.fromCharCode(97 + ((index * 7_919 + index ** 2) % 26)))
  const turns = vi.spyOn(globalThis, 'setTimeout')
  for (const text of ['a'.repeat(countedBodyBytes), ' '.repeat(countedBodyBytes), letters.join('')]) {
    turns.mockClear()
    expect(await count(text)).toBeLessThan(countedBodyBytes)
    expect(turns.mock.calls.length).toBeGreaterThanOrEqual(Math.floor(countedBodyBytes / (countedAtOnce + countedSliceLength)))
  }
  turns.mockRestore()
}, 30_000)
