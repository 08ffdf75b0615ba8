import { describe, expect, test } from 'vitest'
import { ApiError } from '#workers/edge/api-error.ts'
import { countTokens } from '../admission/count-tokens.ts'
import { groundingSearches, groundingTokens, imageTokens } from '../limits.ts'
import type { Call, Dialect } from './dialect.ts'
import { type ContentCall, geminiCountTokens, geminiGenerate, geminiStream } from './gemini-content.ts'

const encoder = new TextEncoder()
const contents = [{ role: 'user', parts: [{ text: 'hi' }] }]

function read<C extends Call>(dialect: Dialect<C>, body: unknown, query = ''): C {
  const bytes = encoder.encode(typeof body === 'string' ? body : JSON.stringify(body))
  const url = new URL(`https://relay.test/v1beta/models/m:x${query}`)
  const call = dialect.read({ bytes, headers: new Headers(), url, pathModel: 'm' })
  if (call instanceof Promise) throw new Error('it is read at once')
  return call
}

const readContent = (fields: object): ContentCall => read(geminiGenerate, { contents, ...fields })
const withParts = (...parts: unknown[]) => ({ contents: [{ role: 'user', parts }] })
const blob = (mimeType: string, data = 'AAAA') => ({ inlineData: { mimeType, data } })

function refusal(body: unknown, dialect: Dialect = geminiGenerate): { status: number; param: string | null; message: string } {
  try {
    read(dialect, body)
  } catch (error) {
    if (error instanceof ApiError) return { status: error.status, param: error.details.param ?? null, message: error.message }
    throw error
  }
  throw new Error('the body was taken')
}

describe('a request', () => {
  test('is read with the defaults of the API', () => {
    const least = { answer: 'json', choices: 1, maxOutputTokens: null, requires: [], extras: { audio: false }, relay: {} }
    expect(readContent({})).toMatchObject({ model: 'm', ...least })
    const unset = { systemInstruction: null, tools: null, generationConfig: null, cachedContent: null, store: null, serviceTier: null }
    expect(readContent(unset)).toMatchObject(least)
    expect(readContent({ generationConfig: { maxOutputTokens: null, candidateCount: null, responseModalities: null } })).toMatchObject(
      least,
    )
  })

  test.each([
    [{ generationConfig: { maxOutputTokens: 7, candidateCount: 3 } }],
    [{ generation_config: { max_output_tokens: 7, candidate_count: 3 } }],
    [{ generationConfig: { max_output_tokens: 7, candidateCount: 3 } }],
    [{ generation_config: { max_outputTokens: 7, candidate__count: 3 } }],
  ])('tells what it may cost, however it is spelt: %j', (fields) => {
    expect(readContent(fields)).toMatchObject({ maxOutputTokens: 7, choices: 3 })
  })

  test('is bounded by its bytes, not by its characters', () => {
    const call = read(geminiGenerate, withParts({ text: '漢字👍' }))
    expect(call.inputTokensBound).toBe(encoder.encode(call.text).length)
    expect(call.uncountedTokens).toBe(0)
  })

  test('streams as events for who asks for them, and else as an array', () => {
    expect(read(geminiStream, { contents }, '?alt=sse').answer).toBe('events')
    for (const query of ['', '?alt=json', '?alt=SSE', '?alt=sse%20'])
      expect(read(geminiStream, { contents }, query).answer).toBe('elements')
    expect(read(geminiGenerate, { contents }, '?alt=sse').answer).toBe('json')
  })

  test('goes on as the client wrote it, to our model and no other path', () => {
    const text = ' {"contents" : [{"parts":[{"text":"\\u0041"}]}],\n"generation_config":{"seed":1,"x":12345678901234567890}} '
    const ask = (dialect: Dialect<ContentCall>, query: string) => dialect.ask(read(dialect, text, query), 'up-1')
    expect(ask(geminiGenerate, '?alt=sse&x=1')).toEqual({ path: '/v1beta/models/up-1:generateContent', headers: {}, body: text })
    expect(ask(geminiStream, '?alt=sse').path).toBe('/v1beta/models/up-1:streamGenerateContent?alt=sse')
    expect(ask(geminiStream, '').path).toBe('/v1beta/models/up-1:streamGenerateContent')
    const named = read(geminiGenerate, { model: 'models/other', contents, relay: { usage: true } })
    expect(named).toMatchObject({ model: 'm', relay: { usage: true } })
    expect(JSON.parse(String(geminiGenerate.ask(named, 'up-1').body))).toEqual({ contents })
  })

  test.each<[string, object]>([
    ['contents', { contents: [] }],
    ['contents', { contents: undefined }],
    ['contents.0', { contents: 'hi' }],
    ['contents.0', { contents: [contents] }],
    ['contents.0.parts.0', { contents: [{ parts: ['hi'] }] }],
    ['generationConfig', { generationConfig: [] }],
    ['generationConfig', { generationConfig: {}, generation_config: {} }],
    ['generationConfig.maxOutputTokens', { generationConfig: { maxOutputTokens: 1, max_output_tokens: 100_000 } }],
    ['generationConfig.maxOutputTokens', { generationConfig: { max_output_tokens: null, maxOutputTokens: 5 } }],
    ['generationConfig.maxOutputTokens', { generationConfig: { maxOutputTokens: 0 } }],
    ['generationConfig.maxOutputTokens', { generationConfig: { maxOutputTokens: '100000' } }],
    ['generationConfig.maxOutputTokens', { generationConfig: { max_output_tokens: 1.5 } }],
    ['generationConfig.candidateCount', { generationConfig: { candidateCount: 9 } }],
    ['generationConfig.candidateCount', { generationConfig: { candidate_count: 9 } }],
    ['generationConfig.responseModalities.1', { generationConfig: { responseModalities: ['TEXT', 'VIDEO'] } }],
    ['generationConfig.responseModalities.0', { generationConfig: { response_modalities: [3] } }],
    ['generationConfig.routingConfig', { generationConfig: { routingConfig: {} } }],
    ['generationConfig.modelSelectionConfig', { generationConfig: { modelSelectionConfig: {} } }],
    ['generationConfig.responseFormat.0.image', { generationConfig: { responseFormat: { image: {} } } }],
    ['cachedContent', { cachedContent: 'cachedContents/x' }],
    ['cachedContent', { cached_content: 'cachedContents/x' }],
    ['store', { store: true }],
    ['store', { store: 'true' }],
    ['serviceTier', { serviceTier: 'FLEX' }],
    ['serviceTier', { service_tier: 'priority' }],
    ['tools', { tools: [{ functionDeclarations: [] }, { urlContext: {} }] }],
    ['tools', { tools: { url_context: {} } }],
    ['tools', { tools: [{ codeExecution: {} }] }],
    ['tools', { tools: [{ computerUse: {} }] }],
    ['tools', { tools: [{ googleMaps: {} }] }],
    ['tools', { tools: [{ google_search_retrieval: {} }] }],
    ['tools', { tools: [{ fileSearch: {} }] }],
    ['tools', { tools: [{ mcpServers: [] }] }],
    ['tools.0.googleSearch.searchTypes.imageSearch', { tools: [{ google_search: { search_types: { image_search: {} } } }] }],
    ['relay.modles', { relay: { modles: ['x'] } }],
  ])('with a bad %s is refused by name: %j', (param, fields) => {
    expect(refusal({ contents, ...fields })).toMatchObject({ status: 400, param })
  })

  test.each([
    '{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":100000,"maxOutputTokens":1}}',
    '{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":100000},"generation\\u0043onfig":{}}',
    '{"contents":[{"parts":[{"fileData":{"fileUri":"x"},"fileData":null,"text":"hi"}]}]}',
    '{"contents":[{"parts":[{"fileData":{}}],"parts":[{"text":"hi"}]}]}',
  ])('that gives a field twice is refused, whichever the upstream would read: %s', (text) => {
    expect(refusal(text)).toMatchObject({ status: 400, message: expect.stringContaining('twice') })
  })

  test('takes colons and keys wherever a text may have them', () => {
    const args = { 'a:b': ':', a_b: 1, 'q"': '\\', nested: [{ x: 1 }, { x: 2 }] }
    expect(readContent(withParts({ text: '{"a":1,"a":2}' }, { functionCall: { name: 'f', args } })).choices).toBe(1)
  })

  test('searches with Google for a price, and a bound', () => {
    for (const tools of [{ googleSearch: {} }, [{ google_search: { timeRangeFilter: {} } }, { function_declarations: [] }]]) {
      const call = readContent({ tools })
      expect(call).toMatchObject({ requires: ['webSearchNanos'], extras: { webSearches: groundingSearches } })
      expect([call.inputTokensBound - call.bodyBytes, call.uncountedTokens]).toEqual([groundingTokens, groundingTokens])
    }
    expect(readContent({ tools: [{ googleSearch: null, functionDeclarations: [{ name: 'f' }] }] }).requires).toEqual([])
  })

  test.each([
    [['TEXT'], [], false],
    [['text', 'image'], ['outputImagePicos'], false],
    ['AUDIO', ['outputAudioPicos'], true],
  ])('for an answer in %j needs prices of %j', (responseModalities, requires, audio) => {
    expect(readContent({ generationConfig: { responseModalities } })).toMatchObject({ requires, extras: { audio } })
  })
})

describe('a part', () => {
  test.each(['image/png', 'IMAGE/JPEG', 'image/webp; x=1', 'image/heic'])(
    'that is an image (%s) adds its bound, wherever it stands',
    (type) => {
      const inner = { functionResponse: { name: 'f', response: {}, parts: [blob(type)] } }
      const call = readContent({ ...withParts(blob(type), inner), systemInstruction: { parts: blob(type) } })
      expect(call.inputTokensBound).toBe(call.bodyBytes + 3 * imageTokens)
      expect(call.uncountedTokens).toBe(3 * imageTokens)
      const snake = JSON.stringify(withParts(blob(type)))
        .replace('inlineData', 'inline_data')
        .replace('mimeType', 'mime_type')
      expect(read(geminiGenerate, snake).uncountedTokens).toBe(imageTokens)
    },
  )

  test('that is sound is bounded by its bytes and needs a price; a text file needs none', () => {
    const call = readContent(withParts(blob('audio/wav', 'A'.repeat(400))))
    expect(call).toMatchObject({
      inputTokensBound: call.bodyBytes,
      uncountedTokens: 400,
      requires: ['inputAudioPicos'],
      extras: { audio: true },
    })
    expect(readContent(withParts(blob('text/csv', 'A'.repeat(400))))).toMatchObject({ uncountedTokens: 400, requires: [] })
  })

  test.each([
    ['video/mp4', blob('video/mp4')],
    ['application/pdf', blob('application/pdf')],
    ['audio/flac', blob('audio/flac')],
    ['audio/ogg', blob('audio/ogg')],
    ['fileData', { fileData: { fileUri: 'https://youtu.be/x' } }],
    ['fileData', { file_data: { file_uri: 'files/x' } }],
    ['fileData', { text: 'look', fileData: {} }],
    ['fileData', { functionResponse: { parts: [{ fileData: {} }] } }],
    ['videoMetadata', { text: 'x', videoMetadata: {} }],
    ['unheardOf', { unheard_of: 1 }],
  ])('of %s is refused by the client and by the count: %j', (name, part) => {
    const body = withParts({ text: 'first' }, part)
    for (const dialect of [geminiGenerate, geminiStream, geminiCountTokens]) {
      const { status, param, message } = refusal(body, dialect)
      expect({ status, param: param?.slice(0, 18) }).toEqual({ status: 400, param: 'contents.0.parts.1' })
      expect(message).toContain(name)
    }
    expect(refusal({ contents, systemInstruction: { parts: [part] } }).param).toContain('systemInstruction.0.parts.0')
  })

  test('may be any that its bytes bound', () => {
    const parts = [
      { text: 'x', thought: true, thoughtSignature: null, fileData: null },
      { functionCall: { name: 'f', args: {} } },
      { functionResponse: { name: 'f', response: { fileData: {} } } },
      { executableCode: { code: 'x' } },
      { codeExecutionResult: { output: 'x' } },
      { text: 'x', mediaResolution: { level: 'MEDIA_RESOLUTION_LOW' } },
    ]
    const call = readContent(withParts(...parts))
    expect(call.inputTokensBound).toBe(call.bodyBytes)
    expect(refusal(withParts({ text: 'x', mediaResolution: { numTokens: 1e9 } })).param).toBe(
      'contents.0.parts.0.mediaResolution.numTokens',
    )
  })

  test('with a thought signature binds its conversation to the account that made it', () => {
    expect(readContent({}).conversation.isBound).toBe(false)
    expect(readContent(withParts({ functionCall: { name: 'f' }, thoughtSignature: 'c2ln' })).conversation.isBound).toBe(true)
    expect(readContent(withParts({ text: 'x', thought_signature: 'c2ln' })).conversation.isBound).toBe(true)
    const later = { contents: [...contents, { role: 'model', parts: [{ text: 'ho' }] }] }
    const latest = { contents: [...later.contents, { role: 'user', parts: [{ text: 'and' }] }] }
    expect(readContent(later).conversation.key()).toBe(readContent(latest).conversation.key())
    expect(readContent(later).conversation.key()).not.toBe(readContent(withParts({ text: 'else' })).conversation.key())
  })
})

describe('a prompt', () => {
  test('is every text, tool and number, but no file', async () => {
    const tools = [{ functionDeclarations: [{ name: 'look_up', description: 'one\ntwo', parameters: { minimum: 123_456 } }] }]
    const call = readContent({
      ...withParts({ text: 'hello there' }, blob('image/png', 'QUJD')),
      tools,
      systemInstruction: { parts: [{ text: 'be' }] },
    })
    const prompt = geminiGenerate.promptOf?.(call)
    for (const text of ['hello there', 'be', 'look_up', 'one\n// two', '123456']) expect(prompt?.texts).toContain(text)
    expect(prompt?.texts).not.toContain('QUJD')
    expect(prompt?.texts).not.toContain('undefined')
    const tokens = prompt && (await countTokens(prompt, 'o200k_base', 1e9))
    expect(tokens).toBeGreaterThan(20)
    expect(tokens).toBeLessThan(call.bodyBytes)
  })
})

describe('a count of tokens', () => {
  test('is free and asks for our model, within the request that is counted as well', () => {
    expect(geminiCountTokens.isFree).toBe(true)
    expect(geminiCountTokens.ask(read(geminiCountTokens, { model: 'models/x', contents }), 'up')).toEqual({
      path: '/v1beta/models/up:countTokens',
      headers: {},
      body: JSON.stringify({ contents }),
    })
    for (const name of ['generateContentRequest', 'generate_content_request']) {
      const ask = geminiCountTokens.ask(
        read(geminiCountTokens, { [name]: { model: 'models/x', contents, system_instruction: null } }),
        'up',
      )
      expect(JSON.parse(String(ask.body))).toEqual({ [name]: { model: 'models/up', contents, system_instruction: null } })
    }
  })

  test.each([
    ['generateContentRequest.cachedContent', { generateContentRequest: { contents, cachedContent: 'cachedContents/x' } }],
    ['generateContentRequest.contents', { generate_content_request: { contents: [] } }],
    ['generateContentRequest', { generateContentRequest: { contents }, generate_content_request: { contents } }],
    ['contents.0.parts.0', { generateContentRequest: withParts({ fileData: {} }) }],
  ])('refuses %s', (param, body) => {
    expect(refusal(body, geminiCountTokens)).toMatchObject({ status: 400, param })
  })
})

test('a call as deep as it is long is read like any other', () => {
  const deep = `{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}}}]}]}`
  expect(read(geminiGenerate, deep).model).toBe('m')
})
