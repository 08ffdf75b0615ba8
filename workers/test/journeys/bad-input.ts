import { gzipSync } from 'node:zlib'
import { chatBody } from './conversation.ts'

export interface BadInput {
  what: string
  body: string | Buffer
  headers?: Record<string, string>
  status: number
  code: string
  /** The field that the answer must name. */
  param?: string
}

const good = chatBody('fast')
const invalid = (what: string, fields: object, param: string): BadInput => ({
  what,
  body: JSON.stringify({ ...good, ...fields }),
  status: 400,
  code: 'invalid_request',
  param,
})
const broken = (what: string, body: string | Buffer): BadInput => ({ what, body, status: 400, code: 'invalid_json' })
const noObject = (body: string): BadInput => ({ what: `a body that is ${body}`, body, status: 400, code: 'invalid_request' })

/** `max_tokens` as it is written, which JSON.stringify could not write. */
const withMaxTokens = (literal: string): BadInput => ({
  ...invalid(`max_tokens ${literal}`, {}, 'max_tokens'),
  body: JSON.stringify({ ...good, max_tokens: 0 }).replace('"max_tokens":0', `"max_tokens":${literal}`),
})

const bodies: BadInput[] = [
  broken('an empty body', ''),
  broken('a truncated body', JSON.stringify(good).slice(0, -1)),
  broken('two bodies', `${JSON.stringify(good)}${JSON.stringify(good)}`),
  broken('UTF-16', Buffer.from(JSON.stringify(good), 'utf16le')),
  broken('a byte order mark', `\uFEFF${JSON.stringify(good)}`),
  broken('bytes that are not UTF-8', Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('"}')])),
  broken('NaN', '{"model":"gpt-scripted-fast","messages":[{"role":"user","content":"x"}],"max_tokens":NaN}'),
  ...['null', '[]', '"text"', '1', 'true'].map(noObject),
  { ...noObject('{}'), param: 'model' },
]

const fields: BadInput[] = [
  invalid('no model', { model: undefined }, 'model'),
  invalid('an empty model', { model: '' }, 'model'),
  invalid('a model that is a number', { model: 7 }, 'model'),
  invalid('a model of 300 characters', { model: 'm'.repeat(300) }, 'model'),
  invalid('no messages', { messages: undefined }, 'messages'),
  invalid('an empty list of messages', { messages: [] }, 'messages'),
  invalid('messages that are a text', { messages: 'hello' }, 'messages'),
  invalid('stream that is a text', { stream: 'yes' }, 'stream'),
  invalid('stream_options without a stream', { stream_options: { include_usage: true } }, 'stream_options'),
  invalid('include_usage that is a text', { stream: true, stream_options: { include_usage: 'yes' } }, 'stream_options.include_usage'),
  invalid('two limits of output', { max_completion_tokens: 5 }, 'max_tokens'),
  invalid('more output than the model has', { max_tokens: 1_000_000 }, 'max_tokens'),
  invalid('no choice', { n: 0 }, 'n'),
  invalid('too many choices', { n: 129 }, 'n'),
  invalid('a dearer tier of service', { service_tier: 'priority' }, 'service_tier'),
  invalid('prompts stored at the provider', { store: true }, 'store'),
  invalid('web search, which is billed by the call', { web_search_options: {} }, 'web_search_options'),
  invalid(
    'a file, whose tokens nothing bounds',
    { messages: [{ role: 'user', content: [{ type: 'file', file: {} }] }] },
    'messages.0.content',
  ),
  ...['0', '-1', '1.5', '1e400', '"10"', '9007199254740993', '[]', '{}'].map(withMaxTokens),
]

const envelopes: BadInput[] = [
  {
    what: 'an unknown model',
    body: JSON.stringify({ ...good, model: 'gpt-nobody-sells' }),
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    what: 'a model of the prototype',
    body: JSON.stringify({ ...good, model: '__proto__' }),
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonp'].map((type) =>
    unsupported(`a body of ${type}`, { 'content-type': type }),
  ),
  { ...unsupported('a compressed body', { 'content-encoding': 'gzip' }), body: gzipSync(JSON.stringify(good)) },
  { what: 'a body over the cap', body: `{"model":"${'m'.repeat(20_000_000)}`, status: 413, code: 'request_too_large' },
]

function unsupported(what: string, headers: Record<string, string>): BadInput {
  return { what, body: JSON.stringify(good), headers, status: 415, code: 'unsupported_media_type' }
}

const manyFields = Array.from({ length: 200_000 }, (_, key) => `"k${key}":1,`).join('')
const crowd: BadInput = { ...noObject('a crowd'), what: '200,000 unknown fields', body: `{${manyFields}${JSON.stringify(good).slice(1)}` }

/** Requests that must be refused before anything is counted, held or sent. */
export const badInputs: BadInput[] = [...bodies, ...fields, ...envelopes, crowd]

/** Strange, but for the upstream to judge: relayed, and never an error of ours. */
export const strangeInputs: { what: string; body: string; status: number }[] = [
  { what: 'a lone surrogate', body: JSON.stringify(good).replace('quetzal', '\\ud800 quetzal'), status: 200 },
  { what: 'a key __proto__', body: JSON.stringify(good).replace('{', '{"__proto__":{"model":"gpt-relay-paced"},'), status: 400 },
  { what: 'a key constructor', body: JSON.stringify({ ...good, constructor: { prototype: { stream: true } } }), status: 400 },
  {
    what: 'nesting of depth 10,000',
    body: JSON.stringify(good).replace('{', `{"stop":${'['.repeat(10_000)}${']'.repeat(10_000)},`),
    status: 400,
  },
  {
    what: 'nesting of depth 10,000 beside a second "model"',
    body: JSON.stringify({ ...good, metadata: { model: 'x' } }).replace('{', `{"stop":${'['.repeat(10_000)}${']'.repeat(10_000)},`),
    status: 400,
  },
  { what: 'the model named twice', body: JSON.stringify(good).replace('{', '{"model":"gpt-relay-paced",'), status: 200 },
  { what: 'the model under an escaped name', body: JSON.stringify(good).replace('"model"', '"mod\\u0065l"'), status: 200 },
  {
    what: 'the model under an escaped name, and a field of a message named model',
    body: JSON.stringify({ ...good, messages: [{ role: 'user', content: 'quetzal-canary', model: 'x' }] }).replace(
      '"model"',
      '"mod\\u0065l"',
    ),
    status: 400,
  },
]
