import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '../server.ts'
import { send, sendForm } from '../test-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterAll(() => upstream.close())

const drawn = { prompt: 'x' }
const said = { input: 'x', voice: 'alloy' }

// path, what is wrong, body without its model, param, code
const bodies: [string, string, Record<string, unknown>, string | null, string | null][] = [
  ['images/generations', 'no prompt', {}, 'prompt', 'missing_required_parameter'],
  ['images/generations', 'an empty prompt', { prompt: '' }, 'prompt', 'string_below_min_length'],
  ['images/generations', 'what gpt-image never takes', { ...drawn, response_format: 'url' }, 'response_format', 'unknown_parameter'],
  ['images/generations', 'an image', { ...drawn, image: 'x' }, 'image', 'unknown_parameter'],
  ['images/generations', 'n of 11', { ...drawn, n: 11 }, 'n', 'integer_above_max_value'],
  ['images/generations', 'a stream of two', { ...drawn, n: 2, stream: true }, 'n', 'invalid_value'],
  ['images/generations', 'an odd size', { ...drawn, size: 'big' }, 'size', 'invalid_value'],
  ['images/generations', 'four parts', { ...drawn, partial_images: 4 }, 'partial_images', 'integer_above_max_value'],
  ['images/generations', 'an unknown quality', { ...drawn, quality: 'hd' }, 'quality', 'invalid_value'],
  ['audio/speech', 'no voice', { input: 'x' }, 'voice', 'missing_required_parameter'],
  ['audio/speech', 'a voice without id', { input: 'x', voice: {} }, 'voice.id', 'missing_required_parameter'],
  ['audio/speech', 'empty input', { ...said, input: '' }, 'input', 'string_below_min_length'],
  ['audio/speech', 'long input', { ...said, input: 'x'.repeat(4_097) }, 'input', 'string_above_max_length'],
  ['audio/speech', 'too fast', { ...said, speed: 5 }, 'speed', 'decimal_above_max_value'],
  ['audio/speech', 'stream', { ...said, stream: true }, 'stream', 'unknown_parameter'],
  ['audio/speech', 'an unknown format', { ...said, response_format: 'midi' }, 'response_format', 'invalid_value'],
  ['moderations', 'no input', {}, 'input', 'missing_required_parameter'],
  ['moderations', 'no text', { input: [] }, 'input', 'empty_array'],
  ['moderations', 'a mixed list', { input: ['x', { type: 'text', text: 'x' }] }, 'input[1]', 'invalid_type'],
  ['moderations', 'an unknown part', { input: [{ type: 'input_text', text: 'x' }] }, 'input[0].type', 'invalid_value'],
  ['moderations', 'an unknown parameter', { input: 'x', user: 'u' }, 'user', 'unknown_parameter'],
]

test.each(bodies)('%s refuses %s', async (path, _name, body, param, code) => {
  const answer = await send(upstream.url, { path: `/openai/v1/${path}`, body: { model: 'scripted-fast', ...body } })
  expect({ status: answer.status, ...JSON.parse(answer.text).error }).toMatchObject({
    status: 400,
    param,
    code,
    type: 'invalid_request_error',
  })
})

const file = new File(['bytes'], 'a.mp3')
const model: [string, string] = ['model', 'scripted-fast']
type Fields = [string, string | File][]
const heard: Fields = [model, ['file', file]]
const edited: Fields = [model, ['image', file], ['prompt', 'x']]

// path, what is wrong, fields, param, code
const forms: [string, string, Fields, string | null, string | null][] = [
  ['images/edits', 'no image', [model, ['prompt', 'x']], 'image', 'missing_required_parameter'],
  ['images/edits', 'an image that is a text', [model, ['prompt', 'x'], ['image', 'x']], 'image[0]', 'invalid_type'],
  ['images/edits', 'an unknown field', [...edited, ['moderation', 'low']], 'moderation', 'unknown_parameter'],
  ['images/edits', 'two prompts', [...edited, ['prompt', 'y']], 'prompt', 'invalid_type'],
  ['images/edits', 'brackets where one stands', [...edited, ['prompt[]', 'y']], 'prompt[]', 'unknown_parameter'],
  ['images/edits', 'n that is no number', [...edited, ['n', 'two']], 'n', 'invalid_type'],
  ['images/edits', 'an empty number', [...edited, ['n', '']], 'n', 'invalid_type'],
  ['images/edits', 'stream that is no boolean', [...edited, ['stream', '1']], 'stream', 'invalid_type'],
  ['audio/transcriptions', 'no file', [model], 'file', 'missing_required_parameter'],
  ['audio/transcriptions', 'no model', [['file', file]], null, null],
  ['audio/transcriptions', 'a file that is a text', [model, ['file', 'x']], 'file', 'invalid_type'],
  ['audio/transcriptions', 'a list without brackets', [...heard, ['include', 'logprobs']], 'include', 'invalid_type'],
  ['audio/transcriptions', 'an unknown format', [...heard, ['response_format', 'xml']], 'response_format', 'invalid_value'],
  ['audio/transcriptions', 'granularity without words', [...heard, ['timestamp_granularities[]', 'word']], 'timestamp_granularities', null],
  [
    'audio/transcriptions',
    'an unknown strategy',
    [...heard, ['chunking_strategy[type]', 'manual']],
    'chunking_strategy.type',
    'invalid_value',
  ],
  ['audio/transcriptions', 'a name of the language', [...heard, ['__proto__', 'x']], '__proto__', 'unknown_parameter'],
  ['audio/transcriptions', 'an inherited name', [...heard, ['constructor', 'x']], 'constructor', 'unknown_parameter'],
]

test.each(forms)('%s refuses %s', async (path, _name, fields, param, code) => {
  const answer = await sendForm(upstream.url, `/openai/v1/${path}`, fields)
  expect({ status: answer.status, ...JSON.parse(answer.text).error }).toMatchObject({
    status: 400,
    param,
    code,
    type: 'invalid_request_error',
  })
})

test.each(['images/edits', 'audio/transcriptions'])('%s takes a form and no JSON', async (path) => {
  const body = { model: 'scripted-fast', prompt: 'x' }
  const asJson = await send(upstream.url, { path: `/openai/v1/${path}`, body })
  expect(asJson.status).toBe(415)
  expect(asJson.text).toContain("'multipart/form-data' requests")
  const headers = { 'content-type': 'multipart/form-data; boundary=other' }
  expect(await send(upstream.url, { path: `/openai/v1/${path}`, body, headers })).toMatchObject({ status: 400 })
  expect((await send(upstream.url, { path: '/openai/v1/moderations', body, headers })).status).toBe(415)
})
