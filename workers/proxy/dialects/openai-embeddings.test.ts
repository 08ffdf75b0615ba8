import { describe, expect, test } from 'vitest'
import { countTokens } from '../admission/count-tokens.ts'
import { incomingJson, refusalOf } from '../testing/incoming.ts'
import { emptyReading } from './dialect.ts'
import { type EmbeddingsCall, openaiEmbeddings } from './openai-embeddings.ts'

async function read(body: object): Promise<EmbeddingsCall> {
  return openaiEmbeddings.read(incomingJson({ model: 'm', ...body }))
}

function reading(answer: unknown) {
  const told = emptyReading()
  openaiEmbeddings.observe(told, answer)
  return told
}

describe('a request for embeddings', () => {
  test.each([
    ['a text', 'grün'],
    ['texts', ['a', 'b']],
    ['texts beside tokens', ['a', 5]],
  ])('of %s is bounded by its bytes', async (_, input) => {
    const call = await read({ input })
    expect(call).toMatchObject({ inputTokensBound: call.bodyBytes, maxOutputTokens: 0, extras: {}, toldUsage: null })
  })

  test.each([
    ['tokens', [100_000, 7, 8], 3],
    ['lists of tokens', [[1, 2], [3]], 3],
  ])('of %s is bounded by their number', async (_, input, tokens) => {
    expect(await read({ input })).toMatchObject({ inputTokensBound: tokens, uncountedTokens: tokens })
  })

  test('can be counted: every text, and given tokens beside them', async () => {
    const { prompt, uncountedTokens } = await read({ input: ['one two three', 'four', [9, 9]] })
    expect({ texts: prompt.texts, uncountedTokens }).toEqual({ texts: ['one two three', 'four'], uncountedTokens: 2 })
    expect(
      await countTokens(openaiEmbeddings.promptOf?.(await read({ input: 'one two three' })) ?? { texts: [], frames: 0 }, 'o200k_base', 99),
    ).toBeGreaterThanOrEqual(3)
  })

  test('goes on as it was written, but for the model and relay', async () => {
    const call = await openaiEmbeddings.read(incomingJson('{"input": [1,2e0],"model":"m","relay":{"usage":true},"dimensions":3}'))
    expect(call.relay).toEqual({ usage: true })
    expect(openaiEmbeddings.ask(call, 'u')).toEqual({
      path: '/v1/embeddings',
      headers: {},
      body: '{"input": [1,2e0],"model":"u","dimensions":3}',
    })
  })

  test.each([
    ['nothing', {}],
    ['no input', { input: [] }],
    ['null', { input: null }],
    ['an object', { input: { text: 'x' } }],
    ['a picture among texts', { input: ['x', { image_url: 'https://x.example' }] }],
    ['a picture in a list', { input: [[{ image_url: 'https://x.example' }]] }],
    ['a list that is deeper', { input: [[[1]]] }],
  ])('with %s is refused, because nothing bounds its tokens', async (_, body) => {
    expect(await refusalOf(openaiEmbeddings, incomingJson({ model: 'm', ...body }))).toMatchObject({
      status: 400,
      details: { param: 'input' },
    })
  })
})

describe('an answer of embeddings', () => {
  const data = [{ object: 'embedding', index: 0, embedding: [0.1] }]

  test('has input and, told as zero, no output', () => {
    expect(reading({ data, usage: { prompt_tokens: 5, total_tokens: 5 } })).toMatchObject({
      usage: { inputTokens: 5, outputTokens: 0 },
      deliveredBytes: 1,
      finishReason: 'stop',
    })
  })

  test.each(['"5"', '-5', '1.5', '1e15', '1e400', 'null', '{}'])('with a count of %s reports none', (count) => {
    expect(reading(JSON.parse(`{"data":[{}],"usage":{"prompt_tokens":${count}}}`))).toMatchObject({ usage: null, deliveredBytes: 1 })
  })

  test('without data has delivered nothing, and one with an error has failed', () => {
    expect(reading({ data: [], usage: { prompt_tokens: 5 } })).toMatchObject({ deliveredBytes: 0, finishReason: null })
    expect(reading({ error: { message: 'x' } }).failed).toBe(true)
    for (const answer of [null, 'x', [], { data: 'x' }]) expect(reading(answer)).toEqual(emptyReading())
  })
})
