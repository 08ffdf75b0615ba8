import { describe, expect, test } from 'vitest'
import { countTokens } from './count-tokens.ts'
import { countedBodyBytes, countedSliceLength } from './limits.ts'

const anyNumber = Number.POSITIVE_INFINITY

/** Counts of o200k_base as OpenAI's own tokenizer gives them. */
describe('a text has as many tokens as OpenAI counts', () => {
  for (const [text, tokens] of [
    ['hello world', 2],
    ['', 0],
    ['tiktoken is great!', 6],
    ['antidisestablishmentarianism', 6],
    ['2 + 2 = 4', 7],
  ] as const) {
    test(JSON.stringify(text), async () => {
      expect(await countTokens(text, 'o200k_base', anyNumber)).toBe(tokens)
    })
  }
})

test('the name of a special token is text like any other', async () => {
  expect(await countTokens('<|endoftext|>', 'o200k_base', anyNumber)).toBeGreaterThan(3)
})

test('counting ends with what fits: exactly that is counted, one more is too many', async () => {
  expect(await countTokens('hello world', 'o200k_base', 2)).toBe(2)
  expect(await countTokens('hello world', 'o200k_base', 1)).toBeNull()
})

test('a model whose tokenizer is not published is counted with a margin', async () => {
  expect(await countTokens('hello world', 'unknown', anyNumber)).toBe(4)
})

for (const [what, text] of [
  ['emoji', '👩‍🚀🇨🇭🚀'.repeat(500)],
  ['Chinese', '语言模型的计费必须精确'.repeat(300)],
  ['half a surrogate pair', '\ud83d'.repeat(500)],
  ['random letters', Array.from({ length: 3_000 }, (_, index) => String.fromCharCode(97 + ((index * 7_919) % 26))).join('')],
] as const) {
  test(`${what}: never more tokens than bytes`, async () => {
    const tokens = await countTokens(text, 'o200k_base', anyNumber)
    expect(tokens).toBeGreaterThan(0)
    expect(tokens).toBeLessThanOrEqual(new TextEncoder().encode(text).length)
  })
}

test('cutting a text into slices adds at most a token or two at each cut', async () => {
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(1_000)
  const tokens = await countTokens(text, 'o200k_base', anyNumber)
  const cuts = Math.ceil(text.length / countedSliceLength)
  expect(tokens).toBeGreaterThanOrEqual(10_000)
  expect(tokens).toBeLessThanOrEqual(10_001 + 2 * cuts)
})

test('the largest text without a break is counted, too', async () => {
  expect(await countTokens('a'.repeat(countedBodyBytes), 'o200k_base', anyNumber)).toBeGreaterThan(countedBodyBytes / 10)
}, 20_000)
