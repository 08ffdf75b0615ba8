import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boundNanos, costNanos, hasCost, type Price, UnitPrices } from './cost.ts'
import { totalTokens, type Usage } from './usage.ts'

const flat: Price = { inputPicos: 100, cacheReadPicos: 10, cacheWrite5mPicos: 125, cacheWrite1hPicos: 200, outputPicos: 400 }
const longContext = {
  aboveInputTokens: 1_000,
  inputPicos: 200,
  cacheReadPicos: 20,
  cacheWrite5mPicos: 250,
  cacheWrite1hPicos: 400,
  outputPicos: 600,
}
const withUnits = (units: UnitPrices): Price => ({ ...flat, units })

const picos = fc.integer({ min: 0, max: 100_000_000 })
const nanos = fc.integer({ min: 0, max: 50_000_000 })
const rates = { inputPicos: picos, cacheReadPicos: picos, cacheWrite5mPicos: picos, cacheWrite1hPicos: picos, outputPicos: picos }
const units: fc.Arbitrary<UnitPrices> = fc.record(
  {
    inputAudioPicos: picos,
    inputImagePicos: picos,
    outputAudioPicos: picos,
    outputImagePicos: picos,
    characterPicos: picos,
    imageNanos: nanos,
    secondNanos: nanos,
    webSearchNanos: nanos,
    requestNanos: nanos,
    longContext: fc.record({ aboveInputTokens: fc.integer({ min: 1, max: 400_000 }), ...rates }),
  },
  { requiredKeys: [] },
)
const price: fc.Arbitrary<Price> = fc.record({ ...rates, units })
const tokens = fc.integer({ min: 0, max: 100_000 })
const pieces = { images: fc.nat(10), audioMs: fc.nat(600_000), characters: fc.nat(5_000), webSearches: fc.nat(20) }
const usage = fc.record({
  inputTokens: tokens,
  cacheReadTokens: tokens,
  cacheWrite5mTokens: tokens,
  cacheWrite1hTokens: tokens,
  outputTokens: tokens,
  inputAudioTokens: tokens,
  inputImageTokens: tokens,
  outputAudioTokens: tokens,
  outputImageTokens: tokens,
  ...pieces,
})

describe('the cost of what is not text', () => {
  const everything = {
    inputAudioPicos: 3,
    inputImagePicos: 5,
    outputAudioPicos: 7,
    outputImagePicos: 11,
    characterPicos: 13,
    imageNanos: 17,
    secondNanos: 19,
    webSearchNanos: 23,
  }

  test.each<[keyof Usage, number, number]>([
    ['inputAudioTokens', 1_000, 3],
    ['inputImageTokens', 1_000, 5],
    ['outputAudioTokens', 1_000, 7],
    ['outputImageTokens', 1_000, 11],
    ['characters', 1_000, 13],
    ['images', 2, 34],
    ['audioMs', 2_000, 38],
    ['webSearches', 2, 46],
  ])('%s are charged at their own price', (bucket, count, cost) => {
    expect(costNanos({ [bucket]: count }, withUnits(everything))).toBe(cost)
  })

  test('audio and image tokens without a price of their own cost what text does', () => {
    for (const bucket of ['inputAudioTokens', 'inputImageTokens'] as const) expect(costNanos({ [bucket]: 1_000 }, flat)).toBe(100)
    for (const bucket of ['outputAudioTokens', 'outputImageTokens'] as const) expect(costNanos({ [bucket]: 1_000 }, flat)).toBe(400)
  })

  test('a millisecond of audio is a thousandth of a second, and a fraction of a nano is rounded up once', () => {
    expect(costNanos({ audioMs: 1 }, withUnits({ secondNanos: 1_000 }))).toBe(1)
    expect(costNanos({ audioMs: 1, characters: 1 }, withUnits({ secondNanos: 500, characterPicos: 500 }))).toBe(1)
    expect(costNanos({ audioMs: 1, characters: 1 }, withUnits({ secondNanos: 500, characterPicos: 501 }))).toBe(2)
  })

  test('a request is charged once when it used anything, and not when it used nothing', () => {
    const at = withUnits({ requestNanos: 5_000, imageNanos: 1 })
    expect(costNanos({}, at)).toBe(0)
    expect(costNanos({ inputTokens: 0, images: 0 }, at)).toBe(0)
    expect(costNanos({ images: 3 }, at)).toBe(5_003)
    expect(costNanos({ inputTokens: 10, outputTokens: 10 }, at)).toBe(5_005)
  })

  test.each(['images', 'audioMs', 'characters', 'webSearches'] as const)('%s that are not sold have no cost', (piece) => {
    expect(hasCost({ [piece]: 1 }, flat)).toBe(false)
    expect(hasCost({ [piece]: 0 }, flat)).toBe(true)
    expect(hasCost({ [piece]: 1 }, withUnits(everything))).toBe(true)
  })

  test('a price of zero is sold', () => {
    expect(hasCost({ characters: 1 }, withUnits({ characterPicos: 0 }))).toBe(true)
    expect(costNanos({ characters: 1 }, withUnits({ characterPicos: 0 }))).toBe(0)
  })
})

describe('a long context', () => {
  const at = withUnits({ longContext })

  test('has its own prices for all of the request, from the first token beyond', () => {
    expect(costNanos({ inputTokens: 1_000, outputTokens: 1_000 }, at)).toBe(500)
    expect(costNanos({ inputTokens: 1_001, outputTokens: 1_000 }, at)).toBe(801)
  })

  test.each(['cacheReadTokens', 'cacheWrite5mTokens', 'cacheWrite1hTokens', 'inputAudioTokens', 'inputImageTokens'] as const)(
    'counts %s as input',
    (bucket) => {
      expect(costNanos({ [bucket]: 1_000, inputTokens: 1 }, at)).toBeGreaterThan(costNanos({ [bucket]: 1_000 }, at) + 1)
    },
  )

  test('does not count output', () => {
    expect(costNanos({ inputTokens: 1_000, outputTokens: 1_000_000 }, at)).toBe(400_100)
  })
})

describe('the bound', () => {
  test('covers every usage within it, at any price', () => {
    const unused = fc.record({ inputTokens: fc.nat(50_000), outputTokens: fc.nat(50_000), ...pieces })
    fc.assert(
      fc.property(usage, unused, price, (used, more, at) => {
        const { outputTokens, outputAudioTokens, outputImageTokens } = used
        const output = outputTokens + outputAudioTokens + outputImageTokens
        const bound = {
          inputTokens: totalTokens(used) - output + more.inputTokens,
          outputTokens: output + more.outputTokens,
          audio: true,
          images: used.images + more.images,
          audioMs: used.audioMs + more.audioMs,
          characters: used.characters + more.characters,
          webSearches: used.webSearches + more.webSearches,
        }
        expect(boundNanos(bound, at)).toBeGreaterThanOrEqual(costNanos(used, at))
      }),
      { numRuns: 3_000 },
    )
  })

  const audioPrices = withUnits({ inputAudioPicos: 50_000, outputAudioPicos: 90_000, inputImagePicos: 500, outputImagePicos: 900 })

  test('takes the prices of audio only where there may be audio, those of images always', () => {
    expect(boundNanos({ inputTokens: 1_000, outputTokens: 1_000, audio: true }, audioPrices)).toBe(140_000)
    expect(boundNanos({ inputTokens: 1_000, outputTokens: 1_000 }, audioPrices)).toBe(1_400)
  })

  test('takes the prices of a long context only where the input can be that long', () => {
    const at = withUnits({ longContext })
    expect(boundNanos({ inputTokens: 1_000, outputTokens: 1_000 }, at)).toBe(600)
    expect(boundNanos({ inputTokens: 1_001, outputTokens: 1_000 }, at)).toBe(1_001)
  })

  test('covers a dearer price below the long context, which a shorter request would pay', () => {
    const at = withUnits({ longContext: { ...longContext, outputPicos: 1, cacheWrite1hPicos: 1, cacheWrite5mPicos: 1, inputPicos: 1 } })
    expect(boundNanos({ inputTokens: 2_000, outputTokens: 1_000 }, at)).toBe(800)
  })

  test('counts the request itself and every piece', () => {
    const at = withUnits({ requestNanos: 1_000, imageNanos: 10, secondNanos: 20, characterPicos: 1_000, webSearchNanos: 40 })
    const bound = { inputTokens: 0, outputTokens: 0, images: 1, audioMs: 1_000, characters: 1, webSearches: 1 }
    expect(boundNanos(bound, at)).toBe(1_071)
  })

  test('of pieces beyond all counting is none', () => {
    const at = withUnits({ imageNanos: 100_000_000_000 })
    expect(boundNanos({ inputTokens: 0, outputTokens: 0, images: 1_000_000_000 }, at)).toBeNull()
    expect(hasCost({ images: 1_000_000_000 }, at)).toBe(false)
  })
})

test('rate limits count tokens of every kind once, and no pieces', () => {
  const used = { inputTokens: 1, inputAudioTokens: 20, inputImageTokens: 300, outputAudioTokens: 4_000, outputImageTokens: 50_000 }
  expect(totalTokens({ ...used, images: 600_000, audioMs: 600_000, characters: 600_000, webSearches: 600_000 })).toBe(54_321)
})

test.each([
  { inputAudioPicos: -1 },
  { inputAudioPicos: 10_000_000_001 },
  { imageNanos: 100_000_000_001 },
  { secondNanos: 0.5 },
  { webSearchNanos: '1' },
  { videoNanos: 1 },
  { longContext: { ...longContext, aboveInputTokens: 0 } },
  { longContext: { aboveInputTokens: 1, inputPicos: 1 } },
])('%j are no unit prices', (wrong) => {
  expect(UnitPrices.safeParse(wrong).success).toBe(false)
})
