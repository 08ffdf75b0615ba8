import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { CatalogueFile, type ListedModel } from '#shared/contracts/catalogue.ts'
import { boundNanos, hasCost } from '#shared/pricing/cost.ts'

const contentOf = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url).href), 'utf8')
const text = contentOf('./list.json')
const readme = contentOf('./README.md')
const { providers, models } = CatalogueFile.parse(JSON.parse(text))
const enabled = models.filter((model) => model.enabled)
const named = enabled.map((model): [string, ListedModel] => [model.id, model])

/** What a client of each kind speaks: a route in other dialects would never be asked. */
const dialectsOf: Record<ListedModel['kind'], string[]> = {
  chat: ['openai-chat', 'openai-responses', 'anthropic-messages', 'gemini-content'],
  embeddings: ['openai-embeddings', 'gemini-embeddings'],
  images: ['openai-images', 'gemini-content'],
  speech: ['openai-speech'],
  transcription: ['openai-transcriptions'],
  moderation: ['openai-moderations'],
}

describe('the list that is shipped', () => {
  test('has models of every kind, from six providers and more', () => {
    expect(new Set(enabled.map(({ kind }) => kind)).size).toBe(6)
    expect(enabled.length).toBeGreaterThanOrEqual(60)
    expect(new Set(enabled.flatMap(({ routes }) => routes.map(({ provider }) => provider))).size).toBeGreaterThanOrEqual(6)
    for (const { id, baseUrl } of providers) expect([id, new URL(baseUrl).protocol]).toEqual([id, 'https:'])
    expect(models.flatMap(({ aliases }) => aliases).length).toBeGreaterThan(0)
  })

  test('says of each price where and when it was read, not later than today', () => {
    const prices = [...text.matchAll(/"source": "https:\/\/[^"]+",\s+"readOn": "(\d{4}-\d{2}-\d{2})",\s+"note": "[^"]+"/g)]
    expect(prices.length).toBeGreaterThanOrEqual(models.length)
    for (const [, readOn = ''] of prices) expect(Date.parse(readOn)).toBeLessThanOrEqual(Date.now())
  })

  test.each(named)('sells %s plausibly', (_, { kind, price, routes, contextTokens, maxOutputTokens }) => {
    const { inputPicos, cacheReadPicos, cacheWrite5mPicos, cacheWrite1hPicos, outputPicos, units = {} } = price
    expect(cacheReadPicos).toBeLessThanOrEqual(inputPicos)
    expect(cacheWrite5mPicos).toBeGreaterThanOrEqual(inputPicos)
    expect(cacheWrite1hPicos).toBeGreaterThanOrEqual(cacheWrite5mPicos)
    if (kind === 'chat') expect([inputPicos > 0, outputPicos >= inputPicos]).toEqual([true, true])
    // Beyond 50 dollars per million of input, or 200 of output, a decimal point has slipped.
    expect(Math.max(inputPicos, ...Object.values(units).filter((unit) => typeof unit === 'number'))).toBeLessThanOrEqual(64_000_000)
    expect(outputPicos).toBeLessThanOrEqual(200_000_000)
    const { longContext } = units
    if (longContext) {
      expect(longContext.aboveInputTokens).toBeLessThan(contextTokens)
      expect(longContext.inputPicos).toBeGreaterThan(inputPicos)
      expect(longContext.cacheReadPicos).toBeLessThan(longContext.inputPicos)
      expect(longContext.outputPicos).toBeGreaterThan(outputPicos)
    }
    expect(maxOutputTokens).toBeLessThanOrEqual(Math.max(contextTokens, 32_000))
    expect(boundNanos({ inputTokens: contextTokens, outputTokens: maxOutputTokens, audio: true }, price)).not.toBeNull()
    expect(routes.flatMap(({ dialects }) => dialects).filter((dialect) => !dialectsOf[kind].includes(dialect))).toEqual([])
    expect(routes.every(({ cost }) => cost !== undefined)).toBe(true)
  })

  test('sells what each kind uses', () => {
    const usage = {
      chat: { inputTokens: 1, outputTokens: 1 },
      embeddings: { inputTokens: 1 },
      moderation: { inputTokens: 1 },
      images: { inputTokens: 1, outputImageTokens: 1 },
      speech: { inputTokens: 1, outputAudioTokens: 1 },
      transcription: { inputAudioTokens: 1, outputTokens: 1 },
    }
    const byThePiece = { images: { images: 1 }, speech: { characters: 1 }, transcription: { audioMs: 1 } }
    for (const { id, kind, price } of enabled) {
      const piece = kind === 'images' || kind === 'speech' || kind === 'transcription' ? byThePiece[kind] : usage[kind]
      expect([id, hasCost(price.inputPicos > 0 || kind === 'moderation' ? usage[kind] : piece, price)]).toEqual([id, true])
    }
  })
})

test('the page beside the list explains every field of the file', () => {
  const fields = new Set([...text.matchAll(/"(\w+)":/g)].map(([, field = '']) => field))
  for (const field of [...fields, 'complete', 'enabled', 'weight', 'request'])
    expect([field, readme]).toEqual([field, expect.stringContaining(field)])
})
