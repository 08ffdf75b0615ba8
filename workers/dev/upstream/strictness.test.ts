import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from './server.ts'
import { chatBody, endedRecord, type RawRequest, send } from './test-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterAll(() => upstream.close())

const good = chatBody('scripted-fast', 'hi')
const messages = (...list: unknown[]): RawRequest => ({ body: { model: 'scripted-fast', messages: list } })
const also = (more: Record<string, unknown>): RawRequest => ({ body: { ...good, ...more } })
const embed = (more: Record<string, unknown>): RawRequest => ({
  path: '/openai/v1/embeddings',
  body: { model: 'scripted-embedding', ...more },
})
const tools = [{ type: 'function', function: { name: 'f' } }]

// name, request, status, param, code
const refusals: [string, RawRequest, number, string | null, string | null][] = [
  ['no key', { body: good, headers: { authorization: '' } }, 401, null, null],
  ['wrong key', { body: good, headers: { authorization: 'Bearer sk-wrong' } }, 401, null, 'invalid_api_key'],
  ['other scheme', { body: good, headers: { authorization: 'Basic sk-scripted-upstream' } }, 401, null, null],
  ['unknown path', { path: '/openai/v1/chat', body: good }, 404, null, 'unknown_url'],
  ['slash at the end', { path: '/openai/v1/chat/completions/', body: good }, 404, null, 'unknown_url'],
  ['wrong method', { method: 'GET' }, 405, null, 'method_not_supported'],
  ['post to models', { path: '/openai/v1/models', body: {} }, 405, null, 'method_not_supported'],
  ['text/plain', { body: good, headers: { 'content-type': 'text/plain' } }, 415, null, 'unsupported_content_type'],
  ['broken JSON', { body: '{"model":' }, 400, null, null],
  ['an array', { body: [] }, 400, null, null],
  ['empty body', { body: '' }, 400, null, null],
  ['a byte order mark', { body: `\uFEFF${JSON.stringify(good)}` }, 400, null, null],
  ['bad UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]) }, 400, null, null],
  ['no model', { body: { messages: good.messages } }, 400, null, null],
  ['unknown model', { body: { ...good, model: 'gpt-4o' } }, 404, null, 'model_not_found'],
  ['a number that the behaviour does not take', { body: { ...good, model: 'scripted-fast-3' } }, 404, null, 'model_not_found'],
  ['an inherited name', { body: { ...good, model: 'scripted-constructor' } }, 404, null, 'model_not_found'],
  ['embedding model in chat', { body: { ...good, model: 'scripted-embedding' } }, 404, 'model', null],
  ['unknown parameter', also({ top_k: 1 }), 400, 'top_k', 'unknown_parameter'],
  [
    '__proto__',
    { body: '{"model":"scripted-fast","messages":[{"role":"user","content":"x"}],"__proto__":{}}' },
    400,
    '__proto__',
    'unknown_parameter',
  ],
  ['no messages', { body: { model: 'scripted-fast' } }, 400, 'messages', 'missing_required_parameter'],
  ['empty messages', messages(), 400, 'messages', 'empty_array'],
  ['messages of a wrong type', also({ messages: 'hi' }), 400, 'messages', 'invalid_type'],
  ['no role', messages({ content: 'x' }), 400, 'messages[0].role', 'missing_required_parameter'],
  ['unknown role', messages({ role: 'root', content: 'x' }), 400, 'messages[0].role', 'invalid_value'],
  ['no content', messages({ role: 'user' }), 400, 'messages[0].content', 'missing_required_parameter'],
  ['null content', messages({ role: 'user', content: null }), 400, 'messages[0].content', null],
  ['unknown key in a message', messages({ role: 'user', content: 'x', id: 1 }), 400, 'messages[0].id', 'unknown_parameter'],
  ['unknown part', messages({ role: 'user', content: [{ type: 'video' }] }), 400, 'messages[0].content[0].type', 'invalid_value'],
  [
    'an image from the system',
    messages({ role: 'system', content: [{ type: 'image_url', image_url: { url: 'u' } }] }),
    400,
    'messages[0].content[0].type',
    'invalid_value',
  ],
  [
    'an image without url',
    messages({ role: 'user', content: [{ type: 'image_url', image_url: {} }] }),
    400,
    'messages[0].content[0].image_url.url',
    'missing_required_parameter',
  ],
  ['tool reply without call', messages({ role: 'tool', content: 'x', tool_call_id: 'c' }), 400, 'messages.[0].role', null],
  ['temperature', also({ temperature: 2.1 }), 400, 'temperature', 'decimal_above_max_value'],
  ['temperature as text', also({ temperature: '1' }), 400, 'temperature', 'invalid_type'],
  ['n too large', also({ n: 129 }), 400, 'n', 'integer_above_max_value'],
  ['n zero', also({ n: 0 }), 400, 'n', 'integer_below_min_value'],
  ['fractional n', also({ n: 1.5 }), 400, 'n', 'invalid_type'],
  ['max_tokens zero', also({ max_tokens: 0 }), 400, 'max_tokens', 'integer_below_min_value'],
  ['both limits', also({ max_tokens: 1, max_completion_tokens: 1 }), 400, 'max_tokens', 'invalid_parameter_combination'],
  ['stream options alone', also({ stream_options: { include_usage: true } }), 400, 'stream_options', null],
  ['unknown stream option', also({ stream: true, stream_options: { x: 1 } }), 400, 'stream_options.x', 'unknown_parameter'],
  ['stream as text', also({ stream: 'true' }), 400, 'stream', 'invalid_type'],
  ['five stops', also({ stop: ['a', 'b', 'c', 'd', 'e'] }), 400, 'stop', 'array_above_max_length'],
  ['choice without tools', also({ tool_choice: 'auto' }), 400, 'tool_choice', null],
  ['choice of another tool', also({ tools, tool_choice: { type: 'function', function: { name: 'g' } } }), 400, 'tool_choice', null],
  ['bad function name', also({ tools: [{ type: 'function', function: { name: 'a b' } }] }), 400, 'tools[0].function.name', 'invalid_value'],
  ['embedding without input', embed({}), 400, 'input', 'missing_required_parameter'],
  ['embedding of nothing', embed({ input: '' }), 400, 'input', null],
  ['embedding of objects', embed({ input: [{}] }), 400, 'input[0]', 'invalid_type'],
  ['unknown encoding', embed({ input: 'x', encoding_format: 'int8' }), 400, 'encoding_format', 'invalid_value'],
]

test.each(refusals)('refuses %s', async (_name, request, status, param, code) => {
  const answer = await send(upstream.url, request)
  expect({ status: answer.status, ...JSON.parse(answer.text).error }).toMatchObject({ status, param, code, type: 'invalid_request_error' })
  expect(answer.headers['content-type']).toBe('application/json')
  expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-f]{32}$/)
})

const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } }
const call = { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }

test.each([
  [
    'a conversation with tools',
    messages({ role: 'system', content: 's' }, { role: 'user', content: 'u' }, call, { role: 'tool', tool_call_id: 'c', content: 'r' }),
  ],
  ['text and image parts', messages({ role: 'user', content: [{ type: 'text', text: 'see' }, image] })],
  ['null for what is optional', also({ temperature: null, stop: null, max_tokens: null, stream: null, stream_options: null, tools: null })],
  ['token arrays', embed({ input: [[1, 2], [3]], dimensions: 4 })],
  ['a charset', { body: good, headers: { 'content-type': 'application/json; charset=utf-8' } }],
])('accepts %s', async (_name, request) => {
  expect(await send(upstream.url, request)).toMatchObject({ status: 200 })
})

describe('what a relay must never forward', () => {
  test.each([
    ['cookie', { headers: { cookie: 'a=b' } }],
    ['x-forwarded-for', { headers: { 'x-forwarded-for': '203.0.113.1' } }],
    ['forwarded', { headers: { forwarded: 'for=203.0.113.1' } }],
    ['cf-connecting-ip', { headers: { 'cf-connecting-ip': '203.0.113.1' } }],
    ['x-api-key', { headers: { 'X-Api-Key': 'k' } }],
    ['openai-organization', { headers: { 'OpenAI-Organization': 'o' } }],
    ['openai-project', { headers: { 'openai-project': 'p' } }],
    ['query', { path: '/openai/v1/chat/completions?key=1' }],
  ] satisfies [string, RawRequest][])('%s is refused and recorded', async (leak, request: RawRequest) => {
    const answer = await send(upstream.url, { ...request, body: good, headers: { ...request.headers, 'x-request-id': `leak-${leak}` } })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).error).toMatchObject({ code: 'relay_leak', param: leak })
    expect(await endedRecord(upstream, `leak-${leak}`)).toMatchObject({ leaks: [leak], outcome: 'refused' })
  })

  test('the header that the platform itself adds is no leak', async () => {
    expect(await send(upstream.url, { body: good, headers: { 'cf-worker': 'example.com' } })).toMatchObject({ status: 200 })
  })
})

test('answers carry what a relay has to drop', async () => {
  const { headers } = await send(upstream.url, { body: good })
  expect(Object.keys(headers)).toEqual(
    expect.arrayContaining([
      'set-cookie',
      'server',
      'via',
      'openai-organization',
      'openai-processing-ms',
      'x-ratelimit-remaining-requests',
    ]),
  )
})
