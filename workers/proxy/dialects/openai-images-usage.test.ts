import { describe, expect, test } from 'vitest'
import { estimatedImageBytes, estimatedPartialImageBytes } from '../limits.ts'
import { emptyReading, type Reading } from './dialect.ts'
import { readImages, readImageUsage } from './openai-images-usage.ts'

function readAll(...answers: unknown[]): Reading {
  const reading = emptyReading()
  for (const answer of answers) readImages(reading, answer)
  return reading
}

const b64_json = 'A'.repeat(3_000_000)
const usage = { input_tokens: 50, output_tokens: 1_056, total_tokens: 1_106, input_tokens_details: { text_tokens: 10, image_tokens: 40 } }
const tokens = { inputTokens: 10, inputImageTokens: 40, outputTokens: 0, outputImageTokens: 1_056 }

describe('reported usage of images', () => {
  test('keeps tokens of images apart from those of text', () => {
    expect(readImageUsage(usage)).toEqual(tokens)
    expect(readImageUsage({ ...usage, output_tokens_details: { image_tokens: 1_000, text_tokens: 56 } })).toEqual({
      ...tokens,
      outputTokens: 56,
      outputImageTokens: 1_000,
    })
    expect(readImageUsage({ input_tokens: 0, output_tokens: 0 })).toEqual({ inputTokens: 0, outputTokens: 0, outputImageTokens: 0 })
  })

  test.each(['"12"', '-1', '1e400', '1.5', 'null', '1e15'])('with a count of %s is not believed', (count) => {
    expect(readImageUsage(JSON.parse(`{"input_tokens":${count},"output_tokens":1}`))).toBeNull()
    expect(readImageUsage(JSON.parse(`{"input_tokens":1,"output_tokens":${count}}`))).toBeNull()
  })

  test('of more tokens of one kind than there are is not believed', () => {
    expect(readImageUsage({ ...usage, input_tokens: 39 })).toBeNull()
    expect(readImageUsage({ ...usage, output_tokens_details: { text_tokens: 1_057 } })).toBeNull()
  })
})

describe('an answer with images', () => {
  test('tells their number and its usage, and is worth no more text than an image is', () => {
    expect(readAll({ created: 1, data: [{ b64_json }, { url: 'https://x.example/a.png' }], usage })).toMatchObject({
      usage: tokens,
      toldUsage: { images: 2 },
      deliveredBytes: 2 * estimatedImageBytes,
      finishReason: 'stop',
    })
  })

  test('counts no image that is not there', () => {
    expect(readAll({ data: [{ b64_json: '' }, {}, null, { b64_json: null, revised_prompt: 'x' }, { url: 'u' }] }).toldUsage).toEqual({
      images: 1,
    })
    expect(readAll({ data: [] })).toEqual(emptyReading())
  })

  test.each(['image_generation', 'image_edit'])('in events of %s is one image, with what was shown on the way', (kind) => {
    const partial = { type: `${kind}.partial_image`, partial_image_index: 0, b64_json }
    expect(readAll(partial, partial)).toMatchObject({ deliveredBytes: 2 * estimatedPartialImageBytes, finishReason: null, usage: null })
    expect(readAll(partial).toldUsage).toBeUndefined()
    expect(readAll(partial, { type: `${kind}.completed`, b64_json, usage })).toMatchObject({
      usage: tokens,
      toldUsage: { images: 1 },
      deliveredBytes: estimatedPartialImageBytes + estimatedImageBytes,
      finishReason: 'stop',
    })
  })

  test('that is an error has failed', () => {
    expect(readAll({ type: 'error', error: { message: 'x' } })).toMatchObject({ failed: true, deliveredBytes: 0 })
    for (const answer of [null, undefined, 'x', 5, [], { data: 'x', type: {} }]) expect(readAll(answer)).toEqual(emptyReading())
  })
})
