import fc from 'fast-check'
import { expect, test } from 'vitest'
import { costNanos, type Price } from '#shared/pricing/cost.ts'
import type { Usage } from '#shared/pricing/usage.ts'
import { sealedFile, verify, verifyEach } from './testing/verifier.ts'

const entryLine = (entryId: number, charged: number, billed: object) => ({
  type: 'entry',
  entryId,
  at: '2026-02-03T00:00:00.000Z',
  kind: 'settlement',
  amountNanos: charged === 0 ? 0 : -charged,
  request: billed,
})

const picos = fc.integer({ min: 0, max: 100_000_000 })
const rates = { inputPicos: picos, cacheReadPicos: picos, cacheWrite5mPicos: picos, cacheWrite1hPicos: picos, outputPicos: picos }
const nanos = fc.integer({ min: 0, max: 50_000_000 })
const media = { inputAudioPicos: picos, inputImagePicos: picos, outputAudioPicos: picos, outputImagePicos: picos, characterPicos: picos }
const perPiece = { imageNanos: nanos, secondNanos: nanos, webSearchNanos: nanos, requestNanos: nanos }
const long = fc.record({ aboveInputTokens: fc.integer({ min: 1, max: 400_000 }), ...rates })
const priced: fc.Arbitrary<Price> = fc.record({
  ...rates,
  units: fc.record({ ...media, ...perPiece, longContext: long }, { requiredKeys: [] }),
})
const count = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100_000 }))
const buckets = [
  'inputTokens',
  'cacheReadTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
  'outputTokens',
  'reasoningTokens',
  'inputAudioTokens',
] as const
const others = ['inputImageTokens', 'outputAudioTokens', 'outputImageTokens', 'images', 'audioMs', 'characters', 'webSearches'] as const
const usages: fc.Arbitrary<Usage> = fc.record(Object.fromEntries([...buckets, ...others].map((name) => [name, count])), {
  requiredKeys: [],
})

test('computes the cost of whatever is used at whatever price as it was charged, to the nano', async () => {
  const sample = fc.sample(fc.tuple(usages, priced), { numRuns: 300, seed: 7 })
  const lines = sample.flatMap(([usage, price], n) => {
    const cost = costNanos(usage, price)
    const priced = { type: 'price', priceVersionId: `prc_${n}`, price }
    return [priced, entryLine(n + 1, cost, { usage, priceVersionId: `prc_${n}`, costNanos: cost })]
  })
  const total = sample.reduce((sum, [usage, price]) => sum + costNanos(usage, price), 0)
  const verdict = await verify(await sealedFile(lines, -total))
  expect([verdict.errors, verdict.code]).toEqual(['', 0])
  expect(verdict.output).toContain(`requests cost ${total}`)
})

const flat = { inputPicos: 1_000, cacheReadPicos: 0, cacheWrite5mPicos: 0, cacheWrite1hPicos: 0, outputPicos: 0 }

test('names the first line that is wrong, also when it is signed', async () => {
  const price = { type: 'price', priceVersionId: 'prc_1', price: flat }
  const right = { usage: { inputTokens: 100 }, priceVersionId: 'prc_1', costNanos: 100 }
  const sealed = async (charged: number, changes: object, more: object = {}) => {
    const odd = { ...entryLine(2, charged, { ...right, ...changes }), ...more }
    return sealedFile([price, entryLine(1, 100, right), odd, entryLine(3, 100, right)], -200 - charged)
  }
  const whole = [await sealed(100, {}), await sealed(99, { costNanos: 99, capped: true }), await sealed(60, {}, { settledNanos: -40 })]
  const wrong = [
    await sealed(101, { costNanos: 101, capped: true }),
    await sealed(99, { costNanos: 99 }),
    await sealed(101, {}),
    await sealed(100, {}, { settledNanos: -1 }),
    await sealed(100, { priceVersionId: 'prc_2' }),
    await sealed(100, {}, { entryId: 1 }),
    await sealed(100, {}, { at: '2026-03-01T00:00:00.000Z' }),
    await sealed(100, {}, { request: undefined }),
  ]
  const verdicts = await verifyEach([...whole, ...wrong])
  expect(verdicts.map(({ errors }) => errors.slice(0, 7))).toEqual([...whole.map(() => ''), ...wrong.map(() => 'line 4:')])
})

test('refuses what another key has signed, and what is signed and does not add up', async () => {
  const [{ file }, { keys }] = [await sealedFile([], 0), await sealedFile([], 0)]
  const verdicts = await verifyEach([{ file, keys }, await sealedFile([], 1)])
  expect(verdicts.map(({ code, errors }) => [code, errors.slice(0, 7)])).toEqual([1, 1].map((code) => [code, 'line 2:']))
})
