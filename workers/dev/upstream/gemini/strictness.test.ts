import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '../server.ts'
import { endedRecord, type RawRequest, send, testKey } from '../test-client.ts'
import { generatePath, sendGemini, userText } from './gemini-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterAll(() => upstream.close())

const good = userText('hi')
const path = generatePath('scripted-fast', 'body')
const at = (more: RawRequest): RawRequest => ({ path, body: good, ...more })
const also = (more: Record<string, unknown>): RawRequest => at({ body: { ...good, ...more } })
const config = (generationConfig: Record<string, unknown>): RawRequest => also({ generationConfig })
const parts = (...list: unknown[]): RawRequest => at({ body: { contents: [{ parts: list }] } })
const method = (name: string, body: unknown, model = 'scripted-embedding'): RawRequest => ({
  path: `/gemini/v1beta/models/${model}:${name}`,
  body,
})
const declare = (...functionDeclarations: unknown[]): Record<string, unknown> => ({ tools: [{ functionDeclarations }] })
const calling = (functionCallingConfig: unknown): Record<string, unknown> => ({ toolConfig: { functionCallingConfig } })
const user = { role: 'user', parts: [{ text: 'u' }] }
const call = { role: 'model', parts: [{ functionCall: { name: 'f', args: {} } }] }
const reply = { role: 'user', parts: [{ functionResponse: { name: 'f', response: {} } }] }

const unknown = (name: string, place = ''): string => `Invalid JSON payload received. Unknown name "${name}"${place}: Cannot find field.`

// name, request, code, part of the message
const refusals: [string, RawRequest, number, string][] = [
  ['no key', at({ headers: { 'x-goog-api-key': '' } }), 403, 'unregistered callers'],
  ['wrong key', at({ headers: { 'x-goog-api-key': 'other' } }), 400, 'API key not valid'],
  ['the key as a token', at({ headers: { 'x-goog-api-key': [], authorization: `Bearer ${testKey}` } }), 401, 'OAuth 2 access token'],
  ['text/plain', at({ headers: { 'content-type': 'text/plain' } }), 400, 'content type'],
  ['broken JSON', at({ body: '{"contents":' }), 400, 'Invalid JSON payload received.'],
  ['bad UTF-8', at({ body: Buffer.from([0x22, 0xff, 0x22]) }), 400, 'Invalid JSON payload received.'],
  ['unknown model', at({ path: generatePath('gemini-x', 'body') }), 404, 'models/gemini-x is not found for API version v1beta'],
  ['an embedding model', at({ path: generatePath('scripted-embedding', 'body') }), 404, 'not supported for generateContent'],
  ['unknown field', also({ relay: 1 }), 400, unknown('relay')],
  ['__proto__', at({ body: '{"contents":[{"parts":[{"text":"x"}]}],"__proto__":{}}' }), 400, unknown('__proto__')],
  ['an inherited name', also({ constructor: {} }), 400, unknown('constructor')],
  ['unknown setting', config({ top_a: 1 }), 400, unknown('top_a', " at 'generation_config'")],
  ['unknown field of a part', parts({ text: 'x', type: 'text' }), 400, unknown('type', " at 'contents[0].parts[0]'")],
  [
    'unknown field of a schema',
    also(declare({ name: 'f', parameters: { type: 'OBJECT', properties: { a: { const: 1 } } } })),
    400,
    unknown('const', " at 'tools[0].function_declarations[0].parameters.properties[0].value'"),
  ],
  ['a list for one', also({ systemInstruction: [] }), 400, 'Unknown name "systemInstruction": Proto field is not repeating'],
  ['an object for text', parts({ text: {} }), 400, 'Starting an object on a scalar field.'],
  ['text for an object', also({ systemInstruction: 'x' }), 400, `Invalid value at 'system_instruction' (type.googleapis.com/`],
  ['temperature as a word', config({ temperature: 'hot' }), 400, `'generation_config.temperature' (TYPE_FLOAT), "hot"`],
  ['a fraction for a count', config({ topK: 1.5 }), 400, `'generation_config.top_k' (TYPE_INT32), 1.5`],
  ['unknown enum value', also(calling({ mode: 'SOME' })), 400, `FunctionCallingConfig.Mode), "SOME"`],
  ['broken base64', parts({ inlineData: { mimeType: 'image/png', data: '*' } }), 400, 'inline_data.data'],
  ['two kinds in a part', parts({ text: 'x', functionCall: { name: 'f' } }), 400, "oneof field 'data' is already set"],
  ['no contents', at({ body: {} }), 400, '* GenerateContentRequest.contents: contents is not specified'],
  ['no parts', at({ body: { contents: [{ role: 'user' }] } }), 400, 'contents[0].parts: contents.parts must not be empty.'],
  ['an empty part', parts({ thought: true }), 400, "parts[0].data: required oneof field 'data'"],
  ['unknown role', at({ body: { contents: [{ ...user, role: 'assistant' }] } }), 400, 'Please use a valid role: user, model.'],
  ['temperature', config({ temperature: 2.1 }), 400, 'temperature must be in the range'],
  ['no tokens', config({ maxOutputTokens: 0 }), 400, 'max_output_tokens must be in the range'],
  ['six stops', config({ stopSequences: ['a', 'b', 'c', 'd', 'e', 'f'] }), 400, 'stop_sequences'],
  ['unknown form', config({ responseMimeType: 'text/html' }), 400, 'allowed mimetypes are'],
  ['a schema for plain text', config({ responseSchema: { type: 'STRING' } }), 400, 'response_schema'],
  ['logprobs alone', config({ logprobs: 2 }), 400, 'response_logprobs'],
  ['thoughts without thinking', config({ thinkingConfig: { includeThoughts: true, thinkingBudget: 0 } }), 400, 'include_thoughts'],
  ['budget and level', config({ thinkingConfig: { thinkingLevel: 'LOW', thinkingBudget: 1 } }), 400, 'thinking level'],
  ['bad function name', also(declare({ name: 'a b' })), 400, 'Invalid function name'],
  ['a function twice', also(declare({ name: 'f' }, { name: 'f' })), 400, 'Duplicate function declaration found: f'],
  ['a forced call of nothing', also(calling({ mode: 'ANY' })), 400, 'without function_declarations'],
  ['a call of another', also({ ...declare({ name: 'f' }), ...calling({ mode: 'ANY', allowedFunctionNames: ['g'] }) }), 400, '"g" is not'],
  [
    'functions and JSON',
    also({ ...declare({ name: 'f' }), generationConfig: { responseMimeType: 'application/json' } }),
    400,
    'unsupported',
  ],
  ['a response without call', at({ body: { contents: [user, reply] } }), 400, 'immediately after a function call turn'],
  ['a call without response', at({ body: { contents: [user, call, user] } }), 400, 'number of function response parts'],
  ['a call at first', at({ body: { contents: [call, reply] } }), 400, 'immediately after a user turn'],
  ['a cache and tools', also({ cachedContent: 'cachedContents/a', ...declare({ name: 'f' }) }), 400, 'CachedContent can not be used'],
  ['counting nothing', method('countTokens', {}, 'scripted-fast'), 400, 'contents is not specified'],
  ['embedding nothing', method('embedContent', {}), 400, 'content is not specified'],
  ['unknown task', method('embedContent', { content: user, taskType: 'X' }), 400, 'v1beta.TaskType), "X"'],
  ['too many dimensions', method('embedContent', { content: user, outputDimensionality: 3_073 }), 400, 'output_dimensionality'],
  ['an empty batch', method('batchEmbedContents', { requests: [] }), 400, 'requests is not specified'],
  ['a batch of another model', method('batchEmbedContents', { requests: [{ model: 'models/x', content: user }] }), 400, 'does not match'],
]

const statuses: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
}

test.each(refusals)('refuses %s', async (_name, request, code, message) => {
  const answer = await sendGemini(upstream.url, request)
  const { error } = JSON.parse(answer.text)
  expect({ http: answer.status, ...error }).toMatchObject({ http: code, code, status: statuses[code] })
  expect(error.message).toContain(message)
  expect(answer.headers['content-type']).toBe('application/json; charset=UTF-8')
})

test('all faults of the form are told at once', async () => {
  const { text } = await sendGemini(upstream.url, also({ relay: 1, generationConfig: { other: 1 } }))
  expect(JSON.parse(text).error.details).toEqual([
    {
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      fieldViolations: [
        { description: unknown('relay') },
        { field: 'generation_config', description: unknown('other', " at 'generation_config'") },
      ],
    },
  ])
})

test.each([
  ['unknown path', { path: '/gemini/v1beta/chat', body: good }],
  ['unknown method', method('predict', good)],
  ['slash at the end', at({ path: '/gemini/v1beta/models/', method: 'GET' })],
  ['wrong verb', at({ method: 'PUT' })],
  ['post to models', at({ path: '/gemini/v1beta/models' })],
] satisfies [string, RawRequest][])('knows no page for %s', async (_name, request: RawRequest) => {
  const { status, headers } = await sendGemini(upstream.url, request)
  expect({ status, type: headers['content-type'] }).toEqual({ status: 404, type: 'text/html; charset=UTF-8' })
})

test.each([
  ['a conversation with tools', at({ body: { contents: [user, call, reply], ...declare({ name: 'f', parametersJsonSchema: {} }) } })],
  [
    'names in snake case, lone values and enums in small letters',
    at({
      body: {
        contents: { parts: { inline_data: { mime_type: 'image/png', data: 'AA==' } } },
        system_instruction: { parts: [{ text: 's' }] },
        tools: {
          function_declarations: { name: 'f', parameters: { type: 'object', properties: { a: { type: 'string', min_length: '1' } } } },
        },
        safety_settings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
        generation_config: { max_output_tokens: 8, stop_sequences: ['x'], thinking_config: { thinking_level: 'low' } },
      },
    }),
  ],
  ['null for what is optional', also({ tools: null, generationConfig: { temperature: null }, cachedContent: null })],
  [
    'code, its result and signatures',
    parts(
      { executableCode: { language: 'PYTHON', code: '1' } },
      { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1' } },
      { text: '', thoughtSignature: 'AA==' },
    ),
  ],
  [
    'files and built-in tools',
    also({
      contents: [{ parts: [{ fileData: { fileUri: 'u', mimeType: 'video/mp4' } }] }],
      tools: [{ googleSearch: {} }, { urlContext: {} }, { codeExecution: {} }],
    }),
  ],
  ['a cache and labels', also({ cachedContent: 'cachedContents/a-1', labels: { team: 'x' }, serviceTier: 'flex', store: false })],
])('accepts %s', async (_name, request) => {
  expect(await sendGemini(upstream.url, request)).toMatchObject({ status: 200 })
})

describe('what a relay must never forward', () => {
  test.each([
    ['cookie', at({ headers: { cookie: 'a=b' } })],
    ['cf-connecting-ip', at({ headers: { 'cf-connecting-ip': '203.0.113.1' } })],
    ['x-api-key', at({ headers: { 'x-api-key': 'k' } })],
    ['authorization', at({ headers: { authorization: 'Bearer k' } })],
    ['query', at({ path: `${path}?key=${testKey}` })],
    ['query', at({ path: `${path}?alt=sse` })],
    ['query', at({ path: `${generatePath('scripted-fast', 'sse')}&key=1` })],
    ['query', at({ path: '/gemini/v1beta/models?alt=sse', method: 'GET' })],
  ] satisfies [string, RawRequest][])('%s is refused and recorded', async (leak, request: RawRequest) => {
    const id = `leak-${leak}-${request.path}`
    const answer = await sendGemini(upstream.url, { ...request, headers: { ...request.headers, 'x-request-id': id } })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).error.details).toMatchObject([{ reason: 'RELAY_LEAK', metadata: { leaks: leak } }])
    expect(await endedRecord(upstream, id)).toMatchObject({ leaks: [leak], outcome: 'refused' })
  })

  test('the key of this provider at another', async () => {
    const answer = await send(upstream.url, { body: {}, headers: { 'x-goog-api-key': testKey } })
    expect(JSON.parse(answer.text).error).toMatchObject({ code: 'relay_leak' })
  })
})

test('answers carry what a relay has to drop', async () => {
  const dropped = ['server', 'set-cookie', 'server-timing', 'alt-svc', 'x-frame-options']
  const { headers } = await sendGemini(upstream.url, at({}))
  expect(Object.keys(headers)).toEqual(expect.arrayContaining([...dropped, 'x-gemini-service-tier']))
  const stream = await sendGemini(upstream.url, at({ path: generatePath('scripted-fast', 'sse') }))
  expect(Object.keys(stream.headers)).toEqual(expect.arrayContaining(dropped))
  expect(stream.headers['content-type']).toBe('text/event-stream')
})
