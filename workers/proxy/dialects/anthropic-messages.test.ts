import { describe, expect, test } from 'vitest'
import { countPromptTokens } from '#workers/dev/upstream/anthropic/prompt-tokens.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { countTokens } from '../admission/count-tokens.ts'
import { describedToolTokens, imageTokens, instructionTokens, webFetchTokens, webSearchesUnsaid, webSearchTokens } from '../limits.ts'
import { anthropicCountTokens, anthropicMessages, readMessagesCall } from './anthropic-messages.ts'
import type { Incoming } from './dialect.ts'
import { emptyReading } from './dialect.ts'

const encoder = new TextEncoder()
const messages = [{ role: 'user', content: 'hi' }]
const least = { model: 'm', max_tokens: 5, messages }
const search = { type: 'web_search_20250305', name: 'web_search' }
const fetchTool = { type: 'web_fetch_20260318', name: 'web_fetch', max_uses: 2, max_content_tokens: 1_000 }
const image = (data = 'AAAA') => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } })
const document = (source: object) => ({ type: 'document', source })
const user = (...content: unknown[]) => ({ ...least, messages: [{ role: 'user', content }] })
const said = (...content: unknown[]) => ({ ...least, messages: [...messages, { role: 'assistant', content }, ...messages] })

interface Sent {
  headers?: Record<string, string>
  query?: string
}

function incoming(body: unknown, { headers = {}, query = '' }: Sent = {}): Incoming {
  const bytes = encoder.encode(typeof body === 'string' ? body : JSON.stringify(body))
  return { bytes, headers: new Headers(headers), url: new URL(`https://relay.example/v1/messages${query}`), pathModel: null }
}
const read = (body: unknown, sent?: Sent) => readMessagesCall(incoming(body, sent))
const ask = (body: unknown, sent?: Sent) => anthropicMessages.ask(read(body, sent), 'upstream')

/** What the client is told of a request that is refused. */
function refusal(readRequest: () => unknown): { status: number; param: string | undefined; message: string } {
  try {
    readRequest()
  } catch (error) {
    if (error instanceof ApiError) return { status: error.status, param: error.details.param, message: error.message }
    throw error
  }
  throw new Error('the request was taken')
}

describe('a request for a message', () => {
  test('is bounded by its bytes and its max_tokens', () => {
    const text = JSON.stringify({ ...least, messages: [{ role: 'user', content: '漢字👍' }], stream: true })
    const bytes = encoder.encode(text).length
    const bound = {
      bodyBytes: bytes,
      inputTokensBound: bytes,
      uncountedTokens: 0,
      maxOutputTokens: 5,
      choices: 1,
      extras: {},
      requires: [],
    }
    expect(read(text)).toMatchObject({ ...bound, answer: 'events', model: 'm' })
    expect(read({ ...least, stream: null }).answer).toBe('json')
  })

  test.each([
    ['model', { model: '' }],
    ['messages', { messages: [] }],
    ['max_tokens', { max_tokens: undefined }],
    ['max_tokens', { max_tokens: 0 }],
    ['max_tokens', { max_tokens: 1.5 }],
    ['max_tokens', { max_tokens: '5' }],
    ['max_tokens', { max_tokens: null }],
    ['stream', { stream: 'true' }],
    ['service_tier', { service_tier: 'priority' }],
    ['speed', { speed: 'fast' }],
    ['inference_geo', { inference_geo: 'us' }],
    ['container', { container: 'container_1' }],
    ['container', { container: { skills: [] } }],
    ['mcp_servers', { mcp_servers: [{ type: 'url', url: 'https://x.example' }] }],
    ['diagnostics', { diagnostics: { previous_message_id: 'msg_1' } }],
    ['fallbacks', { fallbacks: [{ model: 'dear' }] }],
    ['fallback_credit_token', { fallback_credit_token: 'x' }],
    ['billing_policy', { billing_policy: { bill_to: 'user_profile' } }],
    ['compaction', { compaction: {} }],
    ['context_management.edits.0.type', { context_management: { edits: [{ type: 'compact_20260112' }] } }],
    ['thread', { thread: { id: 'x' } }],
    ['user_profile_id', { user_profile_id: 'x' }],
    ['workspace_id', { workspace_id: 'x' }],
    ['metadata.user_id', { metadata: { user_id: 5 } }],
    ['tools', { tools: {} }],
    ['tools.0.max_uses', { tools: [{ ...search, max_uses: 0 }] }],
    ['tools.1', { tools: [{ name: 'f' }, { type: 'code_execution_20260521', name: 'code_execution' }] }],
    ['tools.0', { tools: [{ type: 'tool_search_tool_bm25', name: 'tool_search_tool_bm25' }] }],
    ['tools.0', { tools: [{ type: 'advisor_20260301', name: 'advisor' }] }],
    ['tools.0', { tools: [{ type: 'mcp_toolset', mcp_server_name: 'x' }] }],
    ['tools.0', { tools: [{ type: 'web_search_20250305x', name: 'web_search' }] }],
    ['tools.0', { tools: [{ ...fetchTool, max_uses: null }] }],
    ['tools.0', { tools: [{ ...fetchTool, max_content_tokens: undefined }] }],
  ])('with a bad %s is refused by name: %j', (param, fields) => {
    expect(refusal(() => read({ ...least, ...fields }))).toMatchObject({ status: 400, param })
    // Free as a count is, it reaches the same account.
    const isOfMessagesOnly = param === 'max_tokens' || param === 'stream'
    if (!isOfMessagesOnly) expect(refusal(() => anthropicCountTokens.read(incoming({ ...least, ...fields }))).param).toBe(param)
  })

  test('takes what changes no price', () => {
    const fields = { service_tier: 'auto', speed: 'standard', thinking: { type: 'enabled', budget_tokens: 1_024 }, stop_sequences: ['x'] }
    const edits = [{ type: 'clear_tool_uses_20250919' }]
    expect(read({ ...least, ...fields, container: null, context_management: { edits }, invented: [1] }).model).toBe('m')
  })

  test('goes on as the client wrote it, but for the model and what is ours', () => {
    const text = '{"relay":{"usage":true}, "metadata":{"model":"x"},"model": "m","max_tokens":5,"messages":[{"content":"\\u0041"}],"n":1e3}'
    expect(ask(text)).toMatchObject({
      path: '/v1/messages',
      body: '{"metadata":{"model":"x"},"model":"upstream","max_tokens":5,"messages":[{"content":"\\u0041"}],"n":1e3}',
    })
    expect(JSON.parse(String(ask('{"max_tokens":9,"model":"m","max_tokens":5,"messages":[{}]}').body)).max_tokens).toBe(5)
    expect(String(ask('{"max_tokens":9,"model":"m","max_tokens":5,"messages":[{}]}').body).match(/max_tokens/g)).toHaveLength(1)
  })
})

describe('what is not text', () => {
  test.each([
    ['in a message', user(image(), image()), 2],
    ['by URL', user({ type: 'image', source: { type: 'url', url: 'https://x.example/a.png' } }), 1],
    ['in a result of a tool', user({ type: 'tool_result', tool_use_id: 'x', content: [{ type: 'text', text: 'x' }, image()] }), 1],
    ['in a document', user(document({ type: 'content', content: [image()] })), 1],
    ['in the system prompt', { ...least, system: [image()] }, 1],
    [
      'in a fetched page',
      said({
        type: 'web_fetch_tool_result',
        content: { type: 'web_fetch_result', content: document({ type: 'content', content: [image()] }) },
      }),
      1,
    ],
    [
      'nowhere',
      user(document({ type: 'text', media_type: 'text/plain', data: 'x' }), { type: 'search_result', content: [{ type: 'text' }] }),
      0,
    ],
  ])('an image %s counts its bound', (_, body, images) => {
    expect(read(body).uncountedTokens).toBe(images * imageTokens)
  })

  test('an image counts its bound in place of its data', () => {
    const [small, large] = [read(user(image())), read(user(image('A'.repeat(100_000))))]
    expect(small.inputTokensBound).toBe(small.bodyBytes - 4 + imageTokens)
    expect(large.inputTokensBound).toBe(small.inputTokensBound)
  })

  test.each([
    ['a PDF', user(document({ type: 'base64', media_type: 'application/pdf', data: 'AAAA' }))],
    ['a document by URL', user(document({ type: 'url', url: 'https://x.example/a.pdf' }))],
    ['a file of the account', user(document({ type: 'file', file_id: 'file_1' }))],
    ['an image of the account', user({ type: 'image', source: { type: 'file', file_id: 'file_1' } })],
    ['an image without a source', user({ type: 'image' })],
    ['an upload into a container', user({ type: 'container_upload', file_id: 'file_1' })],
    ['a call of a server of tools', user({ type: 'mcp_tool_use' })],
    ['what code made', user({ type: 'code_execution_tool_result', content: {} })],
    ['a block without a type', user({ text: 'x' })],
    ['a block that is a text', user('x')],
    ['content that is an object', { ...least, messages: [{ role: 'user', content: image() }] }],
    ['a PDF in a result of a tool', user({ type: 'tool_result', content: [document({ type: 'base64', data: 'AAAA' })] })],
    [
      'a PDF that was fetched',
      user({ type: 'web_fetch_tool_result', content: { type: 'web_fetch_result', content: document({ type: 'base64' }) } }),
    ],
    ['fetched content of an unknown kind', user({ type: 'web_fetch_tool_result', content: [image()] })],
    ['a file hidden at depth', user({ type: 'tool_result', content: [{ type: 'tool_result', content: [{ type: 'container_upload' }] }] })],
  ])('%s is refused by the place where it stands', (_, body) => {
    expect(refusal(() => read(body))).toMatchObject({ status: 400, param: 'messages.0.content' })
    expect(refusal(() => anthropicCountTokens.read(incoming(body))).status).toBe(400)
  })

  test('depth does not matter', () => {
    const depth = 20_000
    const nested = `${'{"type":"tool_result","content":['.repeat(depth)}${JSON.stringify(image())}${']}'.repeat(depth)}`
    expect(read(`{"model":"m","max_tokens":5,"messages":[{"content":[${nested}]}]}`).uncountedTokens).toBe(imageTokens)
  })
})

describe('tools', () => {
  test.each([
    ['none', { tools: [] }, 0, 0],
    ['of the client', { tools: [{ name: 'f' }, { type: 'custom', name: 'g' }] }, instructionTokens, 0],
    [
      'of the client that the provider describes',
      { tools: [{ type: 'bash_20250124' }, { type: 'computer_20251124' }] },
      instructionTokens + 2 * describedToolTokens,
      0,
    ],
    ['that search', { tools: [{ ...search, max_uses: 3 }] }, instructionTokens + describedToolTokens + 3 * webSearchTokens, 3],
    [
      'that search as often as they like',
      { tools: [search] },
      instructionTokens + describedToolTokens + webSearchesUnsaid * webSearchTokens,
      webSearchesUnsaid,
    ],
    ['that fetch pages', { tools: [fetchTool] }, instructionTokens + describedToolTokens + 2 * webFetchTokens, 0],
    [
      'that fetch long pages',
      { tools: [{ ...fetchTool, max_content_tokens: 500_000 }] },
      instructionTokens + describedToolTokens + 1_000_000,
      0,
    ],
    ['none, but a schema', { output_config: { format: { type: 'json_schema', schema: {} } } }, instructionTokens, 0],
  ])('%s add what they may cause to the bound', (_, fields, tokens, webSearches) => {
    const call = read({ ...least, ...fields })
    expect(call.uncountedTokens).toBe(tokens)
    expect(call.inputTokensBound).toBe(call.bodyBytes + tokens)
    expect(call.extras.webSearches ?? 0).toBe(webSearches)
    expect(call.requires).toEqual(webSearches > 0 ? ['webSearchNanos'] : [])
  })

  test('need no price to be counted', () => {
    expect(anthropicCountTokens.read(incoming({ ...least, tools: [search] }))).toMatchObject({ requires: [], answer: 'json' })
  })
})

describe('the headers', () => {
  const sentHeaders = (headers: Record<string, string>) => ask(least, { headers }).headers

  test('are the version and the betas that are known, and nothing else of the client', () => {
    expect(sentHeaders({ 'x-api-key': 'rrk', cookie: 'a=b', 'anthropic-workspace-id': 'w' })).toEqual({ 'anthropic-version': '2023-06-01' })
    expect(sentHeaders({ 'anthropic-version': '2026-10-21' })).toEqual({ 'anthropic-version': '2026-10-21' })
    const betas = 'prompt-caching-2024-07-31,computer-use-2025-11-24 , files-api-2025-04-14,invented-2026-01-01,claude-code-20250219'
    expect(sentHeaders({ 'anthropic-beta': betas })['anthropic-beta']).toBe(
      'prompt-caching-2024-07-31,computer-use-2025-11-24,claude-code-20250219',
    )
    expect(sentHeaders({ 'anthropic-beta': 'skills-2025-10-02' })).toEqual({ 'anthropic-version': '2023-06-01' })
  })

  test.each(['2023-01-01', '2024-01-01', '', 'latest'])('with the version %j are refused', (version) => {
    expect(refusal(() => read(least, { headers: { 'anthropic-version': version } }))).toMatchObject({
      status: 400,
      param: 'anthropic-version',
    })
  })

  test.each([
    'context-1m-2025-08-07',
    'fast-mode-2026-02-01',
    'server-side-fallback-2026-07-01',
    'fallback-credit-2026-07-01',
    'compact-2026-09-04',
    'user-profiles-billing-2026-10-01',
    'advisor-tool-2026-03-01',
  ])('with the beta %s are refused, because it changes the bill', (beta) => {
    const { status, message } = refusal(() => read(least, { headers: { 'anthropic-beta': `pdfs-2024-09-25, ${beta}` } }))
    expect({ status, isNamed: message.includes(beta) }).toEqual({ status: 400, isNamed: true })
  })

  test.each([
    ['?beta=true', '/v1/messages?beta=true'],
    ['?beta=true&key=1', '/v1/messages'],
    ['?beta=false', '/v1/messages'],
    ['', '/v1/messages'],
  ])('and the query %j go on as %s', (query, path) => {
    expect(ask(least, { query }).path).toBe(path)
    const count = anthropicCountTokens.ask(read(least, { query }), 'upstream')
    expect(count.path).toBe(path.replace('messages', 'messages/count_tokens'))
  })
})

describe('a conversation', () => {
  const key = (body: object) => read(body).conversation.key()

  test('is known by its user, else by how it begins, from its first request on', () => {
    expect(key({ ...least, metadata: { user_id: 'u' } })).toBe('u')
    expect(key(said({ type: 'text', text: 'x' }))).toBe(key(least))
    expect(key({ ...least, system: 'other' })).not.toBe(key(least))
    expect(key(user({ type: 'text', text: 'hi' }))).not.toBe(key(user({ type: 'text', text: 'ho' })))
    const marked = { type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }
    expect(key(user(marked))).toBe(key(user({ type: 'text', text: 'hi' })))
  })

  test.each([
    ['thinking', { type: 'thinking', thinking: 'x', signature: 's' }, true],
    ['thinking that is not shown', { type: 'redacted_thinking', data: 'x' }, true],
    ['results of a search', { type: 'web_search_tool_result', content: [] }, true],
    ['text', { type: 'text', text: 'x' }, false],
    ['a call', { type: 'tool_use', id: 'x', name: 'f', input: {} }, false],
  ])('with %s is bound to the account that made it: %j', (_, block, isBound) => {
    expect(read(said(block)).conversation.isBound).toBe(isBound)
  })
})

describe('the prompt', () => {
  const promptOf = (body: object) => anthropicMessages.promptOf?.(read(body)) ?? { texts: [], frames: 0 }

  test('holds every text but the data of images', () => {
    const tool = { name: 'look_up', description: 'finds', input_schema: { minimum: 123_456 } }
    const result = { type: 'tool_result', content: [image('SECRETDATA'), { type: 'text', text: 'found' }] }
    const { texts } = promptOf({ ...user(result), system: 'be brief', tools: [tool] })
    for (const text of ['found', 'be brief', 'look_up', 'finds', '123456', 'tool_result']) expect(texts).toContain(text)
    expect(texts).not.toContain('SECRETDATA')
    // Elsewhere it is a text like any other.
    expect(promptOf({ ...least, tools: [{ name: 'f', input_schema: image('SECRETDATA') }] }).texts).toContain('SECRETDATA')
  })

  test('counts at least what the scripted upstream bills', async () => {
    for (const content of ['x y z '.repeat(300), '語 言 '.repeat(200), '. '.repeat(500)]) {
      const asked = Array.from({ length: 5 }, () => ({ role: 'user' as const, content }))
      const tools = [{ name: 'f', description: content, input_schema: { type: 'object' as const } }]
      const counted = await countTokens(promptOf({ ...least, messages: asked, tools }), 'unknown', Number.POSITIVE_INFINITY)
      expect(counted).toBeGreaterThanOrEqual(countPromptTokens({ model: 'm', messages: asked, tools }))
    }
  })
})

test('a broken stream ends with an error in its own form', () => {
  const { name, data } = anthropicMessages.brokenEvent?.('It broke.', emptyReading()) ?? { name: '', data: '' }
  expect({ name, data: JSON.parse(data) }).toEqual({
    name: 'error',
    data: { type: 'error', error: { type: 'api_error', message: 'It broke.' } },
  })
})
