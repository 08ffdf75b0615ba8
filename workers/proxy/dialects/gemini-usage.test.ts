import { describe, expect, test } from 'vitest'
import { emptyReading, type Reading } from './dialect.ts'
import { readAnswer, readUsage } from './gemini-usage.ts'

function readAll(...values: unknown[]): Reading {
  const reading = emptyReading()
  for (const value of values) readAnswer(reading, value)
  return reading
}

const said = (text: string, fields: object = {}) => ({ candidates: [{ content: { parts: [{ text }] } }], ...fields })
const ended = (finishReason: unknown, fields: object = {}) => ({ candidates: [{ finishReason }], ...fields })
const of = (modality: string, tokenCount: number) => [
  { modality: 'TEXT', tokenCount: 1 },
  { modality, tokenCount },
]

describe('usage', () => {
  test.each<[string, object, object]>([
    ['text', { promptTokenCount: 4, candidatesTokenCount: 8, totalTokenCount: 12 }, { inputTokens: 4, outputTokens: 8 }],
    [
      'thoughts on top of the candidates',
      { promptTokenCount: 4, candidatesTokenCount: 8, thoughtsTokenCount: 5 },
      { inputTokens: 4, outputTokens: 13, reasoningTokens: 5 },
    ],
    ['thoughts alone', { promptTokenCount: 4, thoughtsTokenCount: 5 }, { inputTokens: 4, outputTokens: 5, reasoningTokens: 5 }],
    [
      'a prompt that was cached in part',
      { promptTokenCount: 40, cachedContentTokenCount: 30, candidatesTokenCount: 0 },
      { inputTokens: 10, cacheReadTokens: 30, outputTokens: 0 },
    ],
    [
      'results of tools on top of the prompt',
      { promptTokenCount: 4, toolUsePromptTokenCount: 9, candidatesTokenCount: 1 },
      { inputTokens: 13, outputTokens: 1 },
    ],
    [
      'sound in the prompt, cached in part',
      {
        promptTokenCount: 50,
        cachedContentTokenCount: 20,
        candidatesTokenCount: 1,
        promptTokensDetails: of('AUDIO', 40),
        cacheTokensDetails: of('AUDIO', 15),
      },
      { inputTokens: 5, cacheReadTokens: 20, inputAudioTokens: 25, outputTokens: 1 },
    ],
    [
      'images on both sides',
      {
        promptTokenCount: 10,
        promptTokensDetails: of('IMAGE', 8),
        candidatesTokenCount: 1_300,
        candidatesTokensDetails: of('IMAGE', 1_290),
      },
      { inputTokens: 2, inputImageTokens: 8, outputTokens: 10, outputImageTokens: 1_290 },
    ],
    [
      'speech',
      { promptTokenCount: 3, candidatesTokenCount: 100, thoughtsTokenCount: 2, candidatesTokensDetails: of('AUDIO', 100) },
      { inputTokens: 3, outputTokens: 2, outputAudioTokens: 100, reasoningTokens: 2 },
    ],
    [
      'a page of a document as text',
      { promptTokenCount: 9, candidatesTokenCount: 1, promptTokensDetails: of('DOCUMENT', 8) },
      { inputTokens: 9, outputTokens: 1 },
    ],
    ['an explicit zero', { promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 0 }, { inputTokens: 0, outputTokens: 0 }],
  ])('is read in buckets that do not overlap: %s', (_, reported, usage) => {
    expect(readUsage(reported, false)).toEqual(usage)
    expect(readUsage(reported, true)).toEqual(usage)
  })

  test('without output has none once the total says so and the answer has ended, and before that an unknown one', () => {
    const reported = { promptTokenCount: 4, toolUsePromptTokenCount: 2, totalTokenCount: 6 }
    expect(readUsage(reported, true)).toEqual({ inputTokens: 6, outputTokens: 0 })
    expect(readUsage(reported, false)).toEqual({ inputTokens: 6 })
    expect(readUsage({ promptTokenCount: 4 }, true)).toEqual({ inputTokens: 4 })
    expect(readUsage({ promptTokenCount: 4, totalTokenCount: 9, thoughtsTokenCount: 2 }, false)).toMatchObject({ outputTokens: 5 })
    expect(readUsage({ promptTokenCount: 4, totalTokenCount: 3 }, true)).toEqual({ inputTokens: 4 })
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['no object', 7],
    ['no prompt', { candidatesTokenCount: 3 }],
    ['a text', { promptTokenCount: '4', candidatesTokenCount: 8 }],
    ['a fraction', { promptTokenCount: 4, candidatesTokenCount: 1.5 }],
    ['a negative number', { promptTokenCount: 4, candidatesTokenCount: 8, thoughtsTokenCount: -5 }],
    ['an absurd number', { promptTokenCount: 1e15, candidatesTokenCount: 8 }],
    ['an infinite number', { promptTokenCount: 4, toolUsePromptTokenCount: Number.POSITIVE_INFINITY }],
    ['more cached than there is', { promptTokenCount: 4, cachedContentTokenCount: 5, candidatesTokenCount: 1 }],
    ['more sound than there is', { promptTokenCount: 4, promptTokensDetails: of('AUDIO', 5), candidatesTokenCount: 1 }],
    [
      'more cached sound than there is',
      { promptTokenCount: 9, cachedContentTokenCount: 3, promptTokensDetails: of('AUDIO', 1), cacheTokensDetails: of('AUDIO', 3) },
    ],
    ['more images made than output', { promptTokenCount: 4, candidatesTokenCount: 1, candidatesTokensDetails: of('IMAGE', 2) }],
    [
      'a detail that is no count',
      { promptTokenCount: 4, candidatesTokenCount: 1, promptTokensDetails: [{ modality: 'AUDIO', tokenCount: -1 }] },
    ],
  ])('that cannot be true is none: %s', (_, reported) => {
    expect(readUsage(reported, true)).toBeNull()
  })
})

describe('an answer', () => {
  test('is read whole: text, thoughts, calls, code, end, id and usage', () => {
    const parts = [
      { text: 'grün' },
      { text: 'hm', thought: true },
      { functionCall: { name: 'f', args: { a: 'b' } }, thoughtSignature: 'x'.repeat(99) },
    ]
    const more = [
      { executableCode: { code: 'x' } },
      { codeExecutionResult: { output: 'yy' } },
      { inlineData: { mimeType: 'image/png', data: 'A'.repeat(99) } },
    ]
    const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 4 }
    expect(
      readAll({ candidates: [{ content: { parts: [...parts, ...more] }, finishReason: 'STOP' }], usageMetadata, responseId: 'r' }),
    ).toEqual({
      usage: { inputTokens: 3, outputTokens: 4 },
      deliveredBytes: 5 + 2 + 2 + 1 + 2 + 1,
      finishReason: 'STOP',
      failed: false,
      answerId: 'r',
    })
  })

  test('in chunks keeps the last usage, because it is cumulative, and forgets none for a null', () => {
    const usages = [
      { promptTokenCount: 9, candidatesTokenCount: 1 },
      { promptTokenCount: 9, candidatesTokenCount: 8 },
      null,
      { promptTokenCount: -1 },
    ]
    const reading = readAll(...usages.map((usageMetadata) => said('ab', { usageMetadata })), said('c'))
    expect(reading).toMatchObject({ usage: { inputTokens: 9, outputTokens: 8 }, deliveredBytes: 9, finishReason: null })
  })

  test('knows that there was no output only when it has ended', () => {
    const usageMetadata = { promptTokenCount: 9, totalTokenCount: 9 }
    expect(readAll(said('a', { usageMetadata })).usage).toEqual({ inputTokens: 9 })
    expect(readAll(ended('STOP', { usageMetadata })).usage).toEqual({ inputTokens: 9, outputTokens: 0 })
    expect(readAll(ended('STOP'), { usageMetadata }).usage).toEqual({ inputTokens: 9, outputTokens: 0 })
  })

  test.each([
    ['STOP', 'STOP'],
    ['SAFETY', 'SAFETY'],
    ['OTHER', 'error'],
    ['MALFORMED_FUNCTION_CALL', 'error'],
    ['FINISH_REASON_UNSPECIFIED', ''],
    [7, null],
  ])('that ended as %j finished as %j', (reason, finishReason) => {
    expect(readAll(ended(reason), {}).finishReason).toBe(finishReason)
  })

  test('to a prompt that was blocked has a blank finish', () => {
    expect(readAll({ promptFeedback: { blockReason: 'SAFETY' } })).toMatchObject({ finishReason: '', deliveredBytes: 0 })
    expect(readAll({ promptFeedback: { safetyRatings: [] } }).finishReason).toBeNull()
  })

  test('tells an error once and for all', () => {
    expect(readAll({ error: { code: 500 } }, said('a')).failed).toBe(true)
    expect(readAll({ error: null }).failed).toBe(false)
  })

  test('is billed for each search that was made, wherever in the stream it is told', () => {
    const usageMetadata = { promptTokenCount: 9, candidatesTokenCount: 1 }
    const searched = { candidates: [{ groundingMetadata: { webSearchQueries: ['a', '', 'b'] } }], usageMetadata }
    expect(readAll(said('x', { usageMetadata }), searched, ended('STOP', { usageMetadata })).usage).toMatchObject({
      webSearches: 2,
      outputTokens: 1,
    })
    expect(readAll(searched, searched).usage?.webSearches).toBe(2)
    expect(readAll(said('x', { usageMetadata })).usage).not.toHaveProperty('webSearches')
  })

  test.each<[string, unknown]>([
    ['a candidate that is null', { candidates: [null, { content: { parts: [{ text: 'hello' }] } }] }],
    ['parts that are null', { candidates: [{ content: { parts: [null, { text: 'hello' }] } }] }],
    [
      'an odd candidate beside it',
      { candidates: [{ content: 5 }, { content: { parts: {} } }, { content: { parts: [{ text: 'hello' }] } }] },
    ],
    [
      'odd grounding',
      { candidates: [{ content: { parts: [{ text: 'hello' }] }, groundingMetadata: 'x' }], promptFeedback: 1, responseId: 2 },
    ],
  ])('is read in spite of %s', (_, value) => {
    expect(readAll(value).deliveredBytes).toBe(5)
  })

  test.each([undefined, null, 5, 'x', [], [[]]])('that is %j says nothing', (value) => {
    expect(readAll(value)).toEqual(emptyReading())
  })
})
