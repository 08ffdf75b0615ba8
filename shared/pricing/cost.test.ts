import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boundNanos, costNanos, hasCost, type Price } from './cost.ts'
import { TokenCount, totalTokens, type Usage } from './usage.ts'

const picos = fc.oneof(fc.integer({ min: 0, max: 1_000_000_000 }), fc.constantFrom(0, 1, 333, 999, 1_001, 2_500_000))
const price: fc.Arbitrary<Price> = fc.record({
  inputPicos: picos,
  cacheReadPicos: picos,
  cacheWrite5mPicos: picos,
  cacheWrite1hPicos: picos,
  outputPicos: picos,
})
const tokens = fc.integer({ min: 0, max: 1_500_000 })
const usage: fc.Arbitrary<Usage> = fc.record(
  {
    inputTokens: tokens,
    cacheReadTokens: tokens,
    cacheWrite5mTokens: tokens,
    cacheWrite1hTokens: tokens,
    outputTokens: tokens,
    reasoningTokens: tokens,
  },
  { requiredKeys: [] },
)

const onlyOutput = (outputPicos: number): Price => ({
  inputPicos: 0,
  cacheReadPicos: 0,
  cacheWrite5mPicos: 0,
  cacheWrite1hPicos: 0,
  outputPicos,
})

function exactPicos(used: Usage, at: Price): bigint {
  return (
    BigInt(used.inputTokens ?? 0) * BigInt(at.inputPicos) +
    BigInt(used.cacheReadTokens ?? 0) * BigInt(at.cacheReadPicos) +
    BigInt(used.cacheWrite5mTokens ?? 0) * BigInt(at.cacheWrite5mPicos) +
    BigInt(used.cacheWrite1hTokens ?? 0) * BigInt(at.cacheWrite1hPicos) +
    BigInt(used.outputTokens ?? 0) * BigInt(at.outputPicos)
  )
}

describe('the cost of a request', () => {
  test('is the exact sum of all buckets, rounded up once', () => {
    fc.assert(
      fc.property(usage, price, (used, at) => {
        expect(BigInt(costNanos(used, at))).toBe((exactPicos(used, at) + 999n) / 1_000n)
      }),
      { numRuns: 2_000 },
    )
  })

  test('stays exact up to the largest number it counts in', () => {
    fc.assert(
      fc.property(fc.integer({ min: Number.MAX_SAFE_INTEGER - 5_000, max: Number.MAX_SAFE_INTEGER }), (total) => {
        // One token at a price of `total` stands for any usage whose sum is that.
        expect(BigInt(costNanos({ outputTokens: 1 }, onlyOutput(total)))).toBe((BigInt(total) + 999n) / 1_000n)
      }),
      { numRuns: 2_000 },
    )
  })

  test('never lets a fraction become free, and never rounds twice', () => {
    expect(costNanos({ outputTokens: 1 }, onlyOutput(1))).toBe(1)
    expect(costNanos({ outputTokens: 1_000 }, onlyOutput(1))).toBe(1)
    expect(costNanos({ outputTokens: 1_001 }, onlyOutput(1))).toBe(2)
    const at = { ...onlyOutput(500), inputPicos: 500 }
    expect(costNanos({ inputTokens: 1, outputTokens: 1 }, at)).toBe(1)
  })

  test('is zero for nothing used, and reasoning is not billed again', () => {
    const at = { inputPicos: 7_000, cacheReadPicos: 7_000, cacheWrite5mPicos: 7_000, cacheWrite1hPicos: 7_000, outputPicos: 7_000 }
    expect(costNanos({}, at)).toBe(0)
    expect(costNanos({ outputTokens: 2, reasoningTokens: 2 }, at)).toBe(14)
  })

  test('a million requests below one cent sum exactly', () => {
    let sum = 0
    let exact = 0n
    for (let request = 0; request < 1_000_000; request++) {
      sum += costNanos({ outputTokens: request % 977 }, onlyOutput(150_001))
      exact += (BigInt(request % 977) * 150_001n + 999n) / 1_000n
    }
    expect(BigInt(sum)).toBe(exact)
  })

  test('that no longer can be counted exactly is an assertion, never a wrong number', () => {
    expect(() => costNanos({ outputTokens: 1_000_000_000 }, onlyOutput(10_000_000_000))).toThrow('safe integer')
    expect(() => costNanos({ outputTokens: 2 }, onlyOutput(2 ** 52))).toThrow('safe integer')
    expect(() => costNanos({ outputTokens: Number.NaN }, onlyOutput(1))).toThrow('safe integer')
    expect(() => costNanos({ outputTokens: 0.5 }, onlyOutput(1))).toThrow('safe integer')
  })
})

describe('the bound of a request', () => {
  test('covers every way to split its input over the buckets, and every smaller output', () => {
    const split = fc.record({ tokens: fc.tuple(tokens, tokens, tokens, tokens), outputTokens: tokens, unusedOutput: tokens })
    fc.assert(
      fc.property(split, price, ({ tokens: [inputTokens, cacheReadTokens, write5m, write1h], outputTokens, unusedOutput }, at) => {
        const used = { inputTokens, cacheReadTokens, cacheWrite5mTokens: write5m, cacheWrite1hTokens: write1h, outputTokens }
        const most = { inputTokens: inputTokens + cacheReadTokens + write5m + write1h, outputTokens: outputTokens + unusedOutput }
        expect(boundNanos(most, at)).toBeGreaterThanOrEqual(costNanos(used, at))
      }),
      { numRuns: 2_000 },
    )
  })

  test('is no larger than the dearest way', () => {
    fc.assert(
      fc.property(tokens, tokens, price, (inputTokens, outputTokens, at) => {
        const ways = (['inputTokens', 'cacheReadTokens', 'cacheWrite5mTokens', 'cacheWrite1hTokens'] as const).map((bucket) =>
          costNanos({ [bucket]: inputTokens, outputTokens }, at),
        )
        expect(boundNanos({ inputTokens, outputTokens }, at)).toBe(Math.max(...ways))
      }),
    )
  })
})

test('a bound beyond all counting is none, never a smaller number', () => {
  expect(boundNanos({ inputTokens: 0, outputTokens: 1 }, onlyOutput(Number.MAX_SAFE_INTEGER))).toBe(9_007_199_254_741)
  expect(boundNanos({ inputTokens: 0, outputTokens: 2 }, onlyOutput(2 ** 52))).toBeNull()
  expect(boundNanos({ inputTokens: 10_000_000_000, outputTokens: 0 }, { ...onlyOutput(0), cacheWrite1hPicos: 2_500_000 })).toBeNull()
})

test('whether a usage can be counted is told before it is', () => {
  expect(hasCost({ outputTokens: 1_000_000_000 }, onlyOutput(10_000_000_000))).toBe(false)
  fc.assert(fc.property(usage, price, (used, at) => hasCost(used, at)))
})

test('rate limits count every bucket once', () => {
  const used = { inputTokens: 1, cacheReadTokens: 20, cacheWrite5mTokens: 300, cacheWrite1hTokens: 4_000, outputTokens: 50_000 }
  expect(totalTokens({ ...used, reasoningTokens: 600_000 })).toBe(54_321)
  expect(totalTokens({})).toBe(0)
})

test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '12', null, 1_000_000_001, true, [1], 2 ** 53])(
  '%j is no count of tokens',
  (count) => {
    expect(TokenCount.safeParse(count).success).toBe(false)
  },
)
