import { describe, expect, test } from 'vitest'
import { ApiError } from '#workers/edge/api-error.ts'
import { imageTokens, webSearchesMost, webSearchTokens } from '../limits.ts'
import { askResponses, readResponsesCall } from './openai-responses.ts'

const least = { model: 'm', input: 'hi' }

function read(body: unknown) {
  return readResponsesCall({ bytes: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)) })
}

/** What the client is told of a body that is refused. */
function refusal(body: unknown): { status: number; code: string; param: string | null; message: string } {
  try {
    read(body)
  } catch (error) {
    if (error instanceof ApiError)
      return { status: error.status, code: error.code, param: error.details.param ?? null, message: error.message }
    throw error
  }
  throw new Error('the body was taken')
}

function sent(body: unknown, upstreamModel = 'm'): unknown {
  return JSON.parse(String(askResponses(read(body), upstreamModel).body))
}

describe('a request for a response', () => {
  test('is read with the defaults of the API, by which an answer is stored', () => {
    const usual = { model: 'm', answer: 'json', choices: 1, maxOutputTokens: null, requires: [], conversation: { isStored: true } }
    expect(read(least)).toMatchObject(usual)
    const unset = {
      stream: null,
      stream_options: null,
      max_output_tokens: null,
      store: null,
      tools: null,
      conversation: null,
      prompt: null,
    }
    expect(read({ ...least, ...unset, background: false, previous_response_id: null })).toMatchObject(usual)
    expect(read({ model: 'm', previous_response_id: 'resp_1' }).conversation.previousAnswerId).toBe('resp_1')
  })

  test('tells what it may cost and what it continues', () => {
    const call = read({ ...least, stream: true, stream_options: { include_obfuscation: false }, max_output_tokens: 7, store: false })
    expect(call).toMatchObject({ answer: 'events', maxOutputTokens: 7, conversation: { isStored: false, previousAnswerId: null } })
    expect(call.inputTokensBound).toBe(call.bodyBytes)
  })

  test.each([
    ['model', { model: '' }],
    ['input', { input: 5 }],
    ['input', { input: { role: 'user' } }],
    ['instructions', { instructions: [] }],
    ['stream', { stream: 'true' }],
    ['stream_options', { stream_options: {} }],
    ['max_output_tokens', { max_output_tokens: 0 }],
    ['max_output_tokens', { max_output_tokens: 1.5 }],
    ['max_tool_calls', { max_tool_calls: 0 }],
    ['tools', { tools: {} }],
    ['previous_response_id', { previous_response_id: '' }],
    ['previous_response_id', { previous_response_id: ['resp_1'] }],
    ['store', { store: 'no' }],
    ['conversation', { conversation: 'conv_1' }],
    ['conversation', { conversation: { id: 'conv_1' } }],
    ['prompt', { prompt: { id: 'pmpt_1' } }],
    ['background', { background: true }],
    ['service_tier', { service_tier: 'priority' }],
    ['service_tier', { service_tier: 'flex' }],
    ['reasoning.mode', { reasoning: { mode: 'pro' } }],
    ['context_management', { context_management: [{ type: 'compaction' }] }],
  ])('with a bad %s is refused by name: %j', (param, fields) => {
    expect(refusal({ ...least, ...fields })).toMatchObject({ status: 400, code: 'invalid_request', param })
  })

  test('that reaches what an account keeps is told what to do instead', () => {
    expect(refusal({ ...least, conversation: 'conv_1' }).message).toContain('previous_response_id')
    expect(refusal({ ...least, prompt: { id: 'x' } }).message).toContain('instructions')
    expect(refusal({ ...least, background: true }).message).toContain('stream: true')
  })

  test('goes on as it was written but for the name of the model', () => {
    const text =
      '{"model":"m","input":"\\u0041", "truncation":"auto","seed":12345678901234567890,"stream":true,"stream_options":{"include_obfuscation":true},"store":false}'
    expect(askResponses(read(text), 'm').body).toBe(text)
    expect(askResponses(read(text), 'u').body).toBe(text.replace('"m"', '"u"'))
    expect(askResponses(read(text), 'u').path).toBe('/v1/responses')
  })

  test('without `relay`, which is for us', () => {
    expect(sent({ ...least, relay: { usage: true } })).toEqual(least)
    expect(read({ ...least, relay: { usage: true } }).relay).toEqual({ usage: true })
  })
})

describe('web search', () => {
  const searching = (fields: object = {}) => ({ ...least, tools: [{ type: 'web_search' }], ...fields })

  test('is sold only where it has a price, and held for by the searches and what they add to the input', () => {
    const call = read(searching())
    expect(call).toMatchObject({ requires: ['webSearchNanos'], extras: { webSearches: webSearchesMost } })
    expect(call.inputTokensBound).toBe(call.bodyBytes + webSearchesMost * webSearchTokens)
    expect(call.uncountedTokens).toBe(webSearchesMost * webSearchTokens)
    expect(read(searching({ max_tool_calls: 2 })).extras.webSearches).toBe(2)
    expect(read({ ...least, max_tool_calls: 500 }).extras.webSearches).toBe(0)
  })

  test('is asked for with the limit that was held for', () => {
    expect(sent(searching())).toMatchObject({ max_tool_calls: webSearchesMost })
    expect(sent(searching({ max_tool_calls: null }))).toMatchObject({ max_tool_calls: webSearchesMost })
    expect(sent(searching({ max_tool_calls: 2 }))).toMatchObject({ max_tool_calls: 2 })
    expect(sent(least)).not.toHaveProperty('max_tool_calls')
    expect(refusal(searching({ max_tool_calls: webSearchesMost + 1 }))).toMatchObject({ status: 400, param: 'max_tool_calls' })
  })

  test.each(['web_search', 'web_search_2025_08_26', 'web_search_preview', 'web_search_preview_2025_03_11'])(
    'of the type %s counts',
    (type) => {
      expect(read(searching({ tools: [{ type: 'function', name: 'f' }, { type }] })).requires).toEqual(['webSearchNanos'])
    },
  )
})

describe('what ties a request to the one before', () => {
  const user = { role: 'user', content: 'hi' }
  const thought = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'c2VjcmV0' }
  const keyOf = (fields: object) => read({ ...least, ...fields }).conversation.key()

  test('is its key, which stays the same while the conversation grows', () => {
    const said = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hello' }] }
    const parts = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }
    const grown = [[user], [user, thought, said, { role: 'user', content: 'more' }], [parts, said]]
    for (const input of grown) expect(keyOf({ input, instructions: 'changed' })).toBe(keyOf({ input: 'hi' }))
    expect(keyOf({ input: [{ role: 'developer', content: 'be kind' }, user] })).not.toBe(keyOf({ input: 'hi' }))
    expect(keyOf({ prompt_cache_key: 'mine' })).toBe('mine')
    expect(keyOf({ input: [] })).toBeNull()
  })

  test('is reasoning that only one account can read', () => {
    expect(read({ ...least, input: [user, thought] }).conversation.isBound).toBe(true)
    expect(read({ ...least, input: [user] }).conversation.isBound).toBe(false)
  })
})

test('images are bounded by the piece and audio is sold only where it has a price', () => {
  const image = { type: 'input_image', image_url: 'https://x.example/a.png' }
  const output = { type: 'function_call_output', call_id: 'c', output: [image] }
  const call = read({ ...least, input: [{ role: 'user', content: [image, { type: 'input_text', text: 'x' }] }, output] })
  expect(call.inputTokensBound).toBe(call.bodyBytes + 2 * imageTokens)
  const spoken = [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: '', format: 'mp3' } }] }]
  expect(read({ ...least, input: spoken })).toMatchObject({ requires: ['inputAudioPicos'], extras: { audio: true } })
})

test('of a field given twice, whichever an upstream reads, there is one', () => {
  const text =
    '{"model":"m","background":true,"tools":[{"type":"mcp"}],"input":[{"type":"item_reference","id":"x"}],"input":"hi","tools":[],"background":false}'
  expect(sent(text)).toEqual({ model: 'm', input: 'hi', tools: [], background: false })
  expect(String(askResponses(read(text), 'm').body)).not.toContain('item_reference')
})
