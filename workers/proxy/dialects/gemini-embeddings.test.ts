import { describe, expect, test } from 'vitest'
import { ApiError } from '#workers/edge/api-error.ts'
import { type Dialect, emptyReading } from './dialect.ts'
import { type EmbedCall, geminiBatchEmbed, geminiEmbed } from './gemini-embeddings.ts'

const content = { parts: [{ text: 'hi' }] }

function read(dialect: Dialect<EmbedCall>, body: unknown): EmbedCall {
  const bytes = new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
  const call = dialect.read({ bytes, headers: new Headers(), url: new URL('https://relay.test/'), pathModel: 'm' })
  if (call instanceof Promise) throw new Error('it is read at once')
  return call
}

function asked(dialect: Dialect<EmbedCall>, body: unknown): { path: string; body: unknown } {
  const { path, body: text } = dialect.ask(read(dialect, body), 'up')
  return { path, body: JSON.parse(String(text)) }
}

describe('an embedding', () => {
  test('is bounded by the bytes of its texts, and has no output', () => {
    const body = { content, taskType: 'RETRIEVAL_QUERY', outputDimensionality: 8, relay: { usage: true } }
    const call = read(geminiEmbed, body)
    expect(call).toMatchObject({
      model: 'm',
      inputTokensBound: JSON.stringify(body).length,
      maxOutputTokens: 0,
      choices: 1,
      relay: { usage: true },
    })
    expect(geminiEmbed.promptOf?.(call).texts).toContain('hi')
  })

  test('asks for our model, whatever the body names, in each request of a batch', () => {
    expect(asked(geminiEmbed, { model: 'models/other', content, task_type: 'X', output_dimensionality: 8 })).toEqual({
      path: '/v1beta/models/up:embedContent',
      body: { model: 'models/up', content, taskType: 'X', outputDimensionality: 8 },
    })
    const requests = [{ content, model: 'models/other' }, { content: { role: 'user', parts: { text: 'lone' } } }]
    expect(asked(geminiBatchEmbed, { model: 'x', requests })).toEqual({
      path: '/v1beta/models/up:batchEmbedContents',
      body: {
        requests: [
          { model: 'models/up', content },
          { model: 'models/up', content: { role: 'user', parts: [{ text: 'lone' }] } },
        ],
      },
    })
  })

  test('of a field given twice asks for what was read', () => {
    const text = '{"content":{"parts":[{"text":"long","text":"a"}]},"content":{"parts":[{"text":"b","text":"c"}]}}'
    expect(asked(geminiEmbed, text).body).toEqual({ model: 'models/up', content: { parts: [{ text: 'c' }] } })
  })

  test.each<[string, Dialect<EmbedCall>, object]>([
    ['content', geminiEmbed, {}],
    ['content', geminiEmbed, { content: 'hi' }],
    ['content.parts', geminiEmbed, { content: {} }],
    ['content.parts.0.inlineData', geminiEmbed, { content: { parts: [{ text: 'a', inlineData: {} }] } }],
    ['content.parts.0.fileData', geminiEmbed, { content: { parts: [{ text: 'a', file_data: {} }] } }],
    ['content.parts.0.text', geminiEmbed, { content: { parts: [{}] } }],
    ['outputDimensionality', geminiEmbed, { content, outputDimensionality: 0 }],
    ['taskType', geminiEmbed, { content, taskType: 'X', task_type: 'Y' }],
    ['unheardOf', geminiEmbed, { content, unheardOf: 1 }],
    ['requests', geminiEmbed, { requests: [], content }],
    ['requests', geminiBatchEmbed, { content }],
    ['requests.0.content.parts.0.inlineData', geminiBatchEmbed, { requests: [{ content: { parts: [{ text: 'a', inlineData: {} }] } }] }],
  ])('with a bad %s is refused', (param, dialect, body) => {
    try {
      read(dialect, body)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return expect({ status: error.status, param: error.details.param }).toEqual({ status: 400, param })
    }
    throw new Error('the body was taken')
  })
})

test.each<[string, object, object]>([
  [
    'one vector',
    { embedding: { values: [1] }, usageMetadata: { promptTokenCount: 5 } },
    { usage: { inputTokens: 5, outputTokens: 0 }, deliveredBytes: 1 },
  ],
  [
    'several',
    { embeddings: [{}], usageMetadata: { promptTokenCount: 5 } },
    { usage: { inputTokens: 5, outputTokens: 0 }, deliveredBytes: 1 },
  ],
  ['no usage', { embeddings: [{}] }, { usage: null, deliveredBytes: 1 }],
  ['absurd usage', { embeddings: [{}], usageMetadata: { promptTokenCount: -5 } }, { usage: null, deliveredBytes: 1 }],
  ['an error', { error: { code: 500 } }, { failed: true, usage: null, deliveredBytes: 0 }],
  ['nothing', {}, { usage: null, deliveredBytes: 0, failed: false }],
])('an answer of %s', (_, value, told) => {
  const reading = emptyReading()
  geminiEmbed.observe(reading, value)
  expect(reading).toMatchObject(told)
})
