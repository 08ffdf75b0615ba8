import { describe, expect, test } from 'vitest'
import { boundNanos, type Price } from '#shared/pricing/cost.ts'
import { emptyReading, type Reading } from '../dialects/dialect.ts'
import { readChatCall } from '../dialects/openai-chat.ts'
import { settlementOf } from './settlement.ts'

/** One nano-dollar for an input token, two for one from the cache, ten for one of output. */
const price = {
  inputPicos: 1_000,
  cacheReadPicos: 2_000,
  cacheWrite5mPicos: 3_000,
  cacheWrite1hPicos: 4_000,
  outputPicos: 10_000,
}
const ending = { end: 'completed', status: 200, routeId: 'rte_1', upstream: 'u', latencyMs: 5, timeToFirstTokenMs: 2 } as const
const text = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(362) }] })
const call = readChatCall({ bytes: new TextEncoder().encode(text) })

function settle(reading: Partial<Reading>, dear: Partial<Price> = {}) {
  return settlementOf({ ...emptyReading(), ...reading }, ending, call, { ...price, ...dear })
}

describe('what a customer is charged', () => {
  test('is the usage that was reported, bucket by bucket', () => {
    const usage = { inputTokens: 5, cacheReadTokens: 20, outputTokens: 3, reasoningTokens: 3 }
    expect(settle({ usage, deliveredBytes: 9_999, finishReason: 'stop' })).toEqual({
      costNanos: 5 + 40 + 30,
      usage,
      estimated: false,
      capped: false,
      ...ending,
    })
  })

  test('is nothing when nothing was delivered and none reported, whatever the end', () => {
    for (const finishReason of [null, 'stop', 'error']) {
      for (const failed of [true, false]) {
        expect(settle({ finishReason, failed })).toMatchObject({ costNanos: 0, usage: {}, estimated: false })
      }
    }
  })

  test('is an estimate of what passed through when a part was delivered and none reported', () => {
    expect(call.bodyBytes % 4).not.toBe(0)
    const input = Math.ceil(call.bodyBytes / 4)
    expect(settle({ deliveredBytes: 9 })).toMatchObject({
      costNanos: input + 3 * 10,
      usage: { inputTokens: input, outputTokens: 3 },
      estimated: true,
    })
    expect(settle({ deliveredBytes: 9, failed: true, finishReason: 'error' })).toMatchObject({ estimated: true, costNanos: input + 30 })
  })

  test('is never estimated to more than was held for', () => {
    const held = boundNanos({ inputTokens: call.inputTokensBound, outputTokens: 1 }, price) ?? 0
    expect(settle({ deliveredBytes: 1 }).costNanos).toBeLessThan(held)
  })

  test('is an explicit zero where zero was reported, also for what was delivered', () => {
    expect(settle({ usage: { inputTokens: 0, outputTokens: 0 }, deliveredBytes: 50, finishReason: 'stop' })).toMatchObject({
      costNanos: 0,
      usage: { inputTokens: 0, outputTokens: 0 },
      estimated: false,
    })
  })

  test('estimates output that was delivered when only the input was reported', () => {
    expect(settle({ usage: { inputTokens: 7 }, deliveredBytes: 9, finishReason: 'stop' })).toMatchObject({
      costNanos: 7 + 30,
      usage: { inputTokens: 7, outputTokens: 3 },
      estimated: true,
    })
    expect(settle({ usage: { inputTokens: 7 }, finishReason: 'stop' })).toMatchObject({ costNanos: 7, estimated: false })
  })
})

describe('zero-completion insurance', () => {
  const usage = { inputTokens: 50, outputTokens: 0 }

  test.each([
    ['a blank finish', { finishReason: null }],
    ['an empty finish', { finishReason: '' }],
    ['an error finish', { finishReason: 'error' }],
    ['an error in the body', { finishReason: 'stop', failed: true }],
    ['no count of output at all', { usage: { inputTokens: 50 } }],
  ])('charges nothing for no output and %s', (_, reading) => {
    expect(settle({ usage, ...reading })).toMatchObject({ costNanos: 0, usage: { inputTokens: 0, outputTokens: 0 }, estimated: false })
  })

  test.each([
    ['it ended as it should', { finishReason: 'stop' }],
    ['it ended at its length', { finishReason: 'length' }],
    ['output was reported', { usage: { inputTokens: 50, outputTokens: 1 } }],
    ['output was delivered', { deliveredBytes: 1 }],
  ])('does not apply when %s', (_, reading) => {
    expect(settle({ usage, ...reading }).costNanos).toBeGreaterThanOrEqual(50)
  })
})

describe('a report that cannot be meant', () => {
  const absurd = { inputTokens: 1_000_000_000, outputTokens: 1_000_000_000 }

  test('because nobody could pay it counts as not reported, so that the request is settled all the same', () => {
    const dear = { inputPicos: 10_000_000, outputPicos: 30_000_000 }
    expect(settle({ usage: absurd, deliveredBytes: 8 }, dear)).toMatchObject({ estimated: true, usage: { outputTokens: 2 } })
    expect(settle({ usage: absurd }, dear)).toMatchObject({ costNanos: 0, usage: {} })
  })

  test('but could be counted is left to the hold, which caps it', () => {
    expect(settle({ usage: absurd, deliveredBytes: 8 }).costNanos).toBe(11_000_000_000)
  })
})
