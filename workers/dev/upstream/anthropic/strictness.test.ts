import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '../server.ts'
import { endedRecord, type RawRequest, testKey } from '../test-client.ts'
import { credentials, messageBody, sendMessages } from './test-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterAll(() => upstream.close())

const good = messageBody('scripted-fast', 'hi')
const also = (more: Record<string, unknown>): RawRequest => ({ body: { ...good, ...more } })
const messages = (...list: unknown[]): RawRequest => also({ messages: list })
const user = (...content: unknown[]): RawRequest => messages({ role: 'user', content })
const keyed = (headers: Record<string, string>): RawRequest => ({ body: good, credentials: headers })
const newest = { ...credentials, 'anthropic-version': '2026-10-21' }
const count = (body: unknown): RawRequest => ({ path: '/anthropic/v1/messages/count_tokens', body })
const hi = { role: 'user', content: 'hi' }
const text = { type: 'text', text: 'hi' }
const cached = { ...text, cache_control: { type: 'ephemeral' } }
const tool = { name: 'f', input_schema: { type: 'object' } }
const search = { type: 'web_search_20250305', name: 'web_search' }
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }
const call = { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }
const reply = { type: 'tool_result', tool_use_id: 'toolu_1', content: [text, image], is_error: false }
const thinking = { type: 'enabled', budget_tokens: 1_024 }

// name, request, what the message says, status
const refusals: [string, RawRequest, string, number?][] = [
  ['unknown path', { path: '/anthropic/v1/complete', body: good }, 'Not Found', 404],
  ['slash at the end', { path: '/anthropic/v1/messages/', body: good }, 'Not Found', 404],
  ['wrong method', { method: 'GET' }, 'Method Not Allowed', 405],
  ['no key', keyed({ 'anthropic-version': '2023-06-01' }), 'x-api-key header is required', 401],
  ['wrong key', keyed({ ...credentials, 'x-api-key': 'sk-wrong' }), 'invalid x-api-key', 401],
  ['a key as bearer', keyed({ authorization: `Bearer ${testKey}`, 'anthropic-version': '2023-06-01' }), 'Invalid bearer token', 401],
  ['no version', keyed({ 'x-api-key': testKey }), 'anthropic-version: header is required'],
  [
    'another version',
    keyed({ ...credentials, 'anthropic-version': '2024-01-01' }),
    'anthropic-version: "2024-01-01" is not a valid version',
  ],
  ['an empty beta', keyed({ ...credentials, 'anthropic-beta': '' }), 'Unexpected value(s) `` for the `anthropic-beta` header.'],
  ['text/plain', { body: good, headers: { 'content-type': 'text/plain' } }, 'application/json'],
  ['broken JSON', { body: '{"model":' }, 'not valid JSON'],
  ['an array', { body: [] }, 'not valid JSON'],
  ['bad UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]) }, 'not valid JSON'],
  ['no model', { body: { ...good, model: undefined } }, 'model: Field required'],
  ['no max_tokens', { body: { ...good, max_tokens: undefined } }, 'max_tokens: Field required'],
  ['no messages', { body: { ...good, messages: undefined } }, 'messages: Field required'],
  ['unknown model', also({ model: 'claude-x' }), 'model: claude-x', 404],
  ['an unknown field', also({ relay: 1 }), 'relay: Extra inputs are not permitted'],
  ["OpenAI's field", also({ stream_options: {} }), 'stream_options: Extra inputs are not permitted'],
  ['a field of a beta', also({ context_management: {} }), 'context_management: Extra inputs are not permitted'],
  ['__proto__', { body: `${JSON.stringify(good).slice(0, -1)},"__proto__":{}}` }, '__proto__: Extra inputs are not permitted'],
  ['max_tokens below zero', also({ max_tokens: -1 }), 'max_tokens: Input should be greater than or equal to 0'],
  ['max_tokens as text', also({ max_tokens: '5' }), 'max_tokens: Input should be a valid number'],
  ['null for what is no null', also({ system: null }), 'system: Input should be a valid list'],
  ['temperature', also({ temperature: 1.1 }), 'temperature: Input should be less than or equal to 1'],
  ['stream as text', also({ stream: 'true' }), 'stream: Input should be a valid boolean'],
  ['unknown tier', also({ service_tier: 'flex' }), "service_tier: Input should be 'auto' or 'standard_only'"],
  ['more metadata', also({ metadata: { name: 'x' } }), 'metadata.name: Extra inputs are not permitted'],
  ['empty messages', messages(), 'messages: List should have at least 1 item after validation'],
  ['no role', messages({ content: 'x' }), 'messages.0.role: Field required'],
  ['unknown role', messages({ role: 'tool', content: 'x' }), "messages.0.role: Input should be 'user', 'assistant' or 'system'"],
  ['no content', messages({ role: 'user' }), 'messages.0.content: Field required'],
  ['null content', messages({ role: 'user', content: null }), 'messages.0.content: Input should be a valid list'],
  ['empty content', messages({ role: 'user', content: '' }), 'messages.0: all messages must have non-empty content'],
  ['more in a message', messages({ ...hi, id: 1 }), 'messages.0.id: Extra inputs are not permitted'],
  [
    'unknown block',
    user({ type: 'video' }),
    "messages.0.content.0: Input tag 'video' found using 'type' does not match any of the expected tags",
  ],
  ['a block without type', user({}), 'messages.0.content.0.type: Field required'],
  ['empty text', user({ ...text, text: '' }), 'messages.0.content.0.text.text: String should have at least 1 character'],
  ['more in a block', user({ ...text, id: 1 }), 'messages.0.content.0.text.id: Extra inputs are not permitted'],
  [
    'more in a cache control',
    also({ system: [{ ...text, cache_control: { type: 'ephemeral', scope: 'global' } }] }),
    'system.0.cache_control.ephemeral.scope: Extra inputs are not permitted',
  ],
  [
    'another lifetime',
    user({ ...text, cache_control: { type: 'ephemeral', ttl: '2h' } }),
    "messages.0.content.0.text.cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
  ],
  ['five breakpoints', user(cached, cached, cached, cached, cached), 'A maximum of 4 blocks with cache_control may be provided. Found 5.'],
  [
    'a longer lifetime behind a shorter one',
    user(cached, { ...text, cache_control: { type: 'ephemeral', ttl: '1h' } }),
    "a ttl='1h' cache_control block must not come after",
  ],
  [
    'cached thinking',
    messages(hi, { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: 's', cache_control: null }] }, hi),
    'messages.1.content.0.thinking.cache_control: Extra inputs are not permitted',
  ],
  [
    'an image of another kind',
    user({ type: 'image', source: { ...image.source, media_type: 'image/bmp' } }),
    'messages.0.content.0.image.source.base64.media_type: Input should be',
  ],
  ['an image by the assistant', messages(hi, { role: 'assistant', content: [image] }, hi), '`image` blocks are not permitted in assistant'],
  ['a call by the user', user(call), '`tool_use` blocks are not permitted in user messages'],
  [
    'a call that nobody answers',
    messages(hi, { role: 'assistant', content: [call] }, hi),
    'without `tool_result` blocks immediately after: toolu_1',
  ],
  ['an answer to no call', user(reply), 'unexpected `tool_use_id` found in `tool_result` blocks: toolu_1'],
  [
    'a signature made elsewhere',
    messages(hi, { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: 'ErUB' }, text] }, hi),
    'messages.1.content.0: Invalid `signature` in `thinking` block',
  ],
  [
    'redacted thinking made elsewhere',
    messages(hi, { role: 'assistant', content: [{ type: 'redacted_thinking', data: 'ErUB' }, text] }, hi),
    'messages.1.content.0: Invalid `data` in `redacted_thinking` block',
  ],
  ['a space at the end of a prefill', messages(hi, { role: 'assistant', content: 'so ' }), 'cannot end with trailing whitespace'],
  ["OpenAI's tool", also({ tools: [{ type: 'function', function: tool }] }), "tools.0: Input tag 'function' found using 'type'"],
  ['a tool without schema', also({ tools: [{ name: 'f' }] }), 'tools.0.custom.input_schema: Field required'],
  [
    'a bad tool name',
    also({ tools: [{ ...tool, name: 'a b' }] }),
    "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
  ],
  ['the same tool twice', also({ tools: [tool, tool] }), 'tools: Tool names must be unique.'],
  [
    'more in a server tool',
    also({ tools: [{ ...search, depth: 1 }] }),
    'tools.0.web_search_20250305.depth: Extra inputs are not permitted',
  ],
  ['choice without tools', also({ tool_choice: { type: 'auto' } }), 'tool_choice: may only be specified while providing tools'],
  ['choice as text', also({ tools: [tool], tool_choice: 'auto' }), 'tool_choice: Input should be a valid dictionary'],
  ['choice of another tool', also({ tools: [tool], tool_choice: { type: 'tool', name: 'g' } }), "Tool 'g' not found in provided tools"],
  [
    'little thought',
    also({ thinking: { ...thinking, budget_tokens: 1 } }),
    'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024',
  ],
  ['more thought than output', also({ thinking }), '`max_tokens` must be greater than `thinking.budget_tokens`.'],
  [
    'hot thought',
    also({ thinking: { type: 'adaptive' }, temperature: 0.5 }),
    '`temperature` may only be set to 1 when thinking is enabled.',
  ],
  [
    'forced tools and thought',
    also({ thinking: { type: 'adaptive' }, tools: [tool], tool_choice: { type: 'any' } }),
    'Thinking may not be enabled when tool_choice forces tool use.',
  ],
  ['a count with a limit', count(good), 'max_tokens: Extra inputs are not permitted'],
  ['a count of nothing', count({ model: 'scripted-fast' }), 'messages: Field required'],
]

const types: Record<number, string> = { 401: 'authentication_error', 404: 'not_found_error' }

test.each(refusals)('refuses %s', async (_name, request, message, status = 400) => {
  const answer = await sendMessages(upstream.url, request)
  const body = JSON.parse(answer.text)
  expect(body.error.message).toContain(message)
  expect(answer.status).toBe(status)
  expect(body).toMatchObject({ type: 'error', error: { type: types[status] ?? 'invalid_request_error' } })
  expect(body.request_id).toBe(answer.headers['request-id'])
})

test.each<[string, RawRequest]>([
  [
    'all that is allowed at the top',
    also({
      system: [cached],
      metadata: { user_id: 'u' },
      stop_sequences: ['x'],
      temperature: 1,
      top_p: 0.5,
      top_k: 5,
      service_tier: 'auto',
      speed: null,
      cache_control: null,
      inference_geo: 'us',
      container: null,
    }),
  ],
  [
    'a conversation with tools',
    also({
      tools: [{ ...tool, cache_control: { type: 'ephemeral', ttl: '1h' } }],
      messages: [hi, { role: 'assistant', content: [text, call] }, { role: 'user', content: [reply, cached] }],
    }),
  ],
  [
    'pictures and files',
    user(
      image,
      { type: 'image', source: { type: 'url', url: 'https://x' } },
      { type: 'document', title: null, source: { type: 'text', media_type: 'text/plain', data: 'x' }, citations: { enabled: true } },
      text,
    ),
  ],
  ['a prefill', messages(hi, { role: 'assistant', content: 'so' })],
  ['a system message in between', messages(hi, { role: 'system', content: 'be brief' })],
  [
    'server tools',
    also({ tools: [search, { type: 'bash_20250124', name: 'bash' }, { type: 'web_fetch_20250910', name: 'web_fetch', max_uses: 1 }] }),
  ],
  ['a charset', { body: good, headers: { 'content-type': 'application/json; charset=utf-8' } }],
  [
    'betas',
    {
      path: '/anthropic/v1/messages?beta=true',
      body: { ...good, mcp_servers: [] },
      headers: { 'anthropic-beta': 'mcp-client-2025-11-20, claude-code-20250219' },
    },
  ],
])('accepts %s', async (_name, request) => {
  const { status, text } = await sendMessages(upstream.url, request)
  expect({ status, text: status === 200 ? '' : text }).toEqual({ status: 200, text: '' })
})

const plain = { type: 'text', media_type: 'text/plain', data: 'x' }
const cited = { ...text, citations: [{ type: 'char_location' }] }
const found = { type: 'search_result', source: 's', title: 't', content: [cited] }
test.each<[string, Record<string, unknown>]>([
  ['temperature: Extra inputs are not permitted', { temperature: 1 }],
  ['top_p: Extra inputs are not permitted', { top_p: 1 }],
  ['top_k: Extra inputs are not permitted', { top_k: 5 }],
  ['`document` blocks are not permitted', { messages: [hi, { role: 'assistant', content: [{ type: 'document', source: plain }] }, hi] }],
  ['`citations` are not permitted', { messages: [{ role: 'user', content: [cited] }] }],
  ['`citations` are not permitted', { messages: [{ role: 'user', content: [found] }] }],
])('%s in the newest version, and are in the first', async (message, more) => {
  expect((await sendMessages(upstream.url, also(more))).status).toBe(200)
  const { status, text: told } = await sendMessages(upstream.url, { ...also(more), credentials: newest })
  expect({ status, told }).toEqual({ status: 400, told: expect.stringContaining(message) })
})

test('the newest version takes what both take', async () => {
  expect((await sendMessages(upstream.url, { body: good, credentials: newest })).status).toBe(200)
})

describe('what a relay must never forward', () => {
  test.each<[string, RawRequest]>([
    ['cookie', { headers: { cookie: 'a=b' } }],
    ['x-forwarded-for', { headers: { 'x-forwarded-for': '203.0.113.1' } }],
    ['authorization', { headers: { authorization: `Bearer ${testKey}` } }],
    ['x-goog-api-key', { headers: { 'x-goog-api-key': 'k' } }],
    ['query', { path: '/anthropic/v1/messages?beta=true&key=1' }],
  ])('%s is refused and recorded', async (leak, request) => {
    const headers = { ...request.headers, 'x-request-id': `leak-${leak}` }
    const answer = await sendMessages(upstream.url, { ...request, body: good, headers })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).error.message).toContain(leak)
    expect(await endedRecord(upstream, `leak-${leak}`)).toMatchObject({ leaks: [leak], outcome: 'refused' })
  })
})

test('answers carry what a relay has to drop', async () => {
  const { headers } = await sendMessages(upstream.url, { body: good })
  expect(Object.keys(headers)).toEqual(
    expect.arrayContaining([
      'anthropic-organization-id',
      'anthropic-ratelimit-requests-remaining',
      'anthropic-ratelimit-output-tokens-reset',
      'set-cookie',
      'cf-ray',
      'server',
      'via',
    ]),
  )
})
