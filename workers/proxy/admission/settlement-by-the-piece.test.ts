import { describe, expect, test } from 'vitest'
import type { UnitPrices } from '#shared/pricing/cost.ts'
import { type Call, emptyReading, noConversation, type Reading } from '../dialects/dialect.ts'
import { settlementOf } from './settlement.ts'

/** A nano-dollar a token, and a microdollar a character or image where these are sold. */
const tokenPrice = { inputPicos: 1_000, cacheReadPicos: 1_000, cacheWrite5mPicos: 1_000, cacheWrite1hPicos: 1_000, outputPicos: 1_000 }
const ending = { end: 'completed', status: 200, routeId: 'rte_1', upstream: 'u', latencyMs: 5, timeToFirstTokenMs: 2 } as const
const plain: Call = {
  model: 'm',
  answer: 'json',
  relay: {},
  bodyBytes: 400,
  inputTokensBound: 400,
  uncountedTokens: 0,
  choices: 1,
  maxOutputTokens: null,
  extras: {},
  requires: [],
  toldUsage: null,
  conversation: noConversation,
}
const spoken = { ...plain, toldUsage: { characters: 8 } }
const tokens = { inputTokens: 5, outputTokens: 0, outputAudioTokens: 7 }
const images = { inputTokens: 5, outputTokens: 0, outputImageTokens: 7 }

function settle(call: Call, reading: Partial<Reading>, units: UnitPrices = {}) {
  return settlementOf({ ...emptyReading(), ...reading }, ending, call, { ...tokenPrice, units })
}

describe('what is sold by the piece', () => {
  test('is charged by what the request tells, whatever tokens are reported beside it', () => {
    const expected = { usage: { characters: 8 }, costNanos: 8_000, estimated: false }
    expect(settle(spoken, { deliveredBytes: 1 }, { characterPicos: 1_000_000 })).toMatchObject(expected)
    expect(settle(spoken, { deliveredBytes: 1, usage: tokens }, { characterPicos: 1_000_000 })).toMatchObject(expected)
  })

  test('is charged by what the answer shows, whatever tokens are reported beside it', () => {
    const expected = { usage: { images: 2 }, costNanos: 2_000, estimated: false }
    for (const usage of [null, images]) {
      expect(settle(plain, { deliveredBytes: 9, toldUsage: { images: 2 }, usage }, { imageNanos: 1_000 })).toMatchObject(expected)
    }
  })

  test('is free when nothing was delivered', () => {
    expect(settle(spoken, {}, { characterPicos: 1_000_000 })).toMatchObject({ usage: {}, costNanos: 0, estimated: false })
  })

  test('counts by tokens where there is no price for a piece', () => {
    expect(settle(spoken, { deliveredBytes: 1, usage: tokens })).toMatchObject({ usage: tokens, costNanos: 12, estimated: false })
    expect(settle(plain, { deliveredBytes: 9, toldUsage: { images: 2 }, usage: images })).toMatchObject({ usage: images, costNanos: 12 })
  })

  test('may be nothing at all, as of a moderation, and is then no estimate', () => {
    expect(settle({ ...plain, toldUsage: {} }, { deliveredBytes: 1 })).toMatchObject({ usage: {}, costNanos: 0, estimated: false })
  })
})

test('an answer without text is estimated in its own kind', () => {
  const call = {
    ...plain,
    estimate: ({ inputTokens, outputTokens }: { inputTokens: number; outputTokens: number }) => ({
      inputTokens,
      outputImageTokens: outputTokens,
    }),
  }
  expect(settle(call, { deliveredBytes: 40 }, { outputImagePicos: 3_000 })).toMatchObject({
    usage: { inputTokens: 100, outputImageTokens: 10 },
    costNanos: 130,
    estimated: true,
  })
})

test('sound and images that were reported are output: an answer with them is not blank', () => {
  for (const usage of [tokens, images]) expect(settle(plain, { usage })).toMatchObject({ usage, costNanos: 12 })
  expect(settle(plain, { usage: { ...images, outputImageTokens: 0 } })).toMatchObject({ costNanos: 0 })
})
