import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '../server.ts'
import { endedRecord, readEvents, testKey } from '../test-client.ts'
import { type Chunk, generatePath, playModel, type Shape, sendGemini, shapes, textOf, userText } from './gemini-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterAll(() => upstream.close())

function readChunks(text: string, shape: Shape): Chunk[] {
  const plain = text.replace(/^\uFEFF/, '')
  if (shape === 'sse') return readEvents(plain).map((event) => JSON.parse(event))
  const parsed = JSON.parse(plain)
  return shape === 'array' ? parsed : [parsed]
}

/** What came of an array that never ended. */
function readCutArray(text: string): Chunk[] {
  return JSON.parse(`${text}]`)
}

const streams: Shape[] = ['sse', 'array']
const whole = [
  'fast',
  'burst',
  'paced-1',
  'slow-first-1',
  'unicode',
  'crlf',
  'cr',
  'bom',
  'comments',
  'no-last-newline',
  'split',
  'split-7',
  'gzip-bomb-1',
  'usage-twice',
  'usage-in-choices',
]

describe.each(shapes)('as %s', (shape) => {
  test.each(whole)('scripted-%s delivers a whole answer', async (name) => {
    const { answer, record } = await playModel(upstream, `scripted-${name}`, shape)
    const text = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.bytes).toString() : answer.text
    const chunks = readChunks(text, shape)
    expect(chunks.map(textOf).join('').split(' ')).toHaveLength(8)
    expect(chunks.at(-1)?.usageMetadata).toEqual({
      promptTokenCount: 4,
      candidatesTokenCount: 8,
      totalTokenCount: 12,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 4 }],
      candidatesTokensDetails: [{ modality: 'TEXT', tokenCount: 8 }],
    })
    expect(record).toMatchObject({ outcome: 'completed', promptTokens: 4, completionTokensGenerated: 8, completionTokensSent: 8 })
    expect(record.usageReported).toEqual(chunks.at(-1)?.usageMetadata)
    expect(record.stream).toBe(shape !== 'body')
  })

  test.each([
    ['zero', 0],
    ['absurd', 1e15],
    ['negative', -5],
    ['text', '12'],
    ['empty-text', ''],
    ['fraction', 1.5],
    ['overflow', Number.POSITIVE_INFINITY],
  ])('scripted-%s-usage reports nothing but %s', async (name, count) => {
    const { answer, record } = await playModel(upstream, `scripted-${name}-usage`, shape)
    const wrong = { promptTokenCount: count, candidatesTokenCount: count, totalTokenCount: count }
    const chunks = readChunks(answer.text, shape)
    expect(chunks.map((chunk) => chunk.usageMetadata)).toEqual(chunks.map(() => wrong))
    expect(record).toMatchObject({ outcome: 'completed', completionTokensGenerated: 8 })
  })

  test('usage that is absent, null or no number', async () => {
    const absent = await playModel(upstream, 'scripted-no-usage', shape)
    expect(absent.answer.text).not.toContain('usageMetadata')
    expect(absent.record.usageReported).toBeNull()
    const isNull = await playModel(upstream, 'scripted-null-usage', shape)
    expect(readChunks(isNull.answer.text, shape).every((chunk) => chunk.usageMetadata === null)).toBe(true)
    expect((await playModel(upstream, 'scripted-nan-usage', shape)).answer.text).toContain('"candidatesTokenCount":NaN')
  })

  test('a blank and a filtered answer end early', async () => {
    const blank = readChunks((await playModel(upstream, 'scripted-blank', shape)).answer.text, shape)
    expect(blank).toHaveLength(1)
    expect(blank[0]?.candidates?.[0]?.finishReason).toBe('STOP')
    expect(blank[0]?.usageMetadata).toMatchObject({ totalTokenCount: 4 })
    const filtered = readChunks((await playModel(upstream, 'scripted-content-filter', shape)).answer.text, shape)
    expect(filtered.at(-1)).toMatchObject({ candidates: [{ finishReason: 'SAFETY' }], usageMetadata: { candidatesTokenCount: 4 } })
  })

  test.each([
    ['rate-limited', 429, 'RESOURCE_EXHAUSTED', '2'],
    ['rate-limited-7', 429, 'RESOURCE_EXHAUSTED', '7'],
    ['rate-limited-forever', 429, 'RESOURCE_EXHAUSTED', '99999999'],
    ['error-500', 500, 'INTERNAL', undefined],
    ['error-503', 503, 'UNAVAILABLE', undefined],
    ['error-401', 401, 'UNAUTHENTICATED', undefined],
    ['error-400', 400, 'INVALID_ARGUMENT', undefined],
    ['error-403', 403, 'PERMISSION_DENIED', undefined],
  ])('scripted-%s answers %i %s', async (name, code, status, retryAfter) => {
    const { answer, record } = await playModel(upstream, `scripted-${name}`, shape)
    const parsed = JSON.parse(answer.text)
    const { error }: Chunk = shape === 'array' ? parsed[0] : parsed
    expect({ http: answer.status, ...error }).toMatchObject({ http: code, code, status })
    expect(answer.headers['retry-after']).toBe(retryAfter)
    const retryInfo = error?.details?.find((detail) => String(detail['@type']).endsWith('RetryInfo'))
    expect(retryInfo?.retryDelay).toBe(retryAfter === undefined ? undefined : `${retryAfter}s`)
    expect(answer.text.includes(testKey)).toBe(name === 'error-401')
    expect(answer.text.includes('project 123456789012')).toBe(name === 'error-403')
    expect(record.outcome).toBe('refused')
  })

  test.each([
    ['break-before-headers', 8],
    ['refuse', 0],
  ])('scripted-%s answers nothing', async (name, generated) => {
    const headers = { 'x-request-id': `${name}-${shape}` }
    const request = { path: generatePath(`scripted-${name}`, shape), body: userText('[tokens=8]'), headers }
    await expect(sendGemini(upstream.url, request)).rejects.toThrow(/ECONNRESET|socket hang up/)
    const record = await endedRecord(upstream, `${name}-${shape}`)
    expect(record).toMatchObject({ outcome: 'broken', status: null, behaviour: name, completionTokensGenerated: generated })
  })

  test('scripted-flaky fails first, then succeeds', async () => {
    const statuses: number[] = []
    for (let attempt = 0; attempt < 4; attempt += 1) statuses.push((await playModel(upstream, 'scripted-flaky-1', shape)).answer.status)
    expect(statuses).toEqual([503, 200, 503, 200])
  })

  test('bodies that are no answers', async () => {
    const { headers } = (await playModel(upstream, 'scripted-html', shape)).answer
    expect(headers['content-type']).toBe('text/html; charset=UTF-8')
    expect((await playModel(upstream, 'scripted-empty-stream', shape)).answer).toMatchObject({ status: 200, text: '' })
    const { answer, record } = await playModel(upstream, 'scripted-json-error-200', shape)
    const parsed = JSON.parse(answer.text)
    expect(shape === 'array' ? parsed[0] : parsed).toMatchObject({ error: { status: 'INTERNAL' } })
    expect(record).toMatchObject({ status: 200, outcome: 'broken', completionTokensGenerated: 0 })
  })
})

describe.each(streams)('a stream as %s', (shape) => {
  test('tells the usage so far in each chunk, and the reason in the last', async () => {
    const chunks = readChunks((await playModel(upstream, 'scripted-fast', shape)).answer.text, shape)
    expect(chunks.map((chunk) => chunk.usageMetadata?.candidatesTokenCount)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8])
    expect(chunks.every((chunk) => chunk.usageMetadata?.promptTokenCount === 4 && chunk.modelVersion === 'scripted-fast')).toBe(true)
    expect(chunks.map((chunk) => chunk.candidates?.[0]?.finishReason)).toEqual([...new Array(8).fill(undefined), 'STOP'])
    expect(new Set(chunks.map((chunk) => chunk.responseId)).size).toBe(1)
  })

  test('scripted-usage-twice never tells more than half before its last chunk', async () => {
    const chunks = readChunks((await playModel(upstream, 'scripted-usage-twice', shape)).answer.text, shape)
    expect(chunks.map((chunk) => chunk.usageMetadata?.candidatesTokenCount)).toEqual([1, 2, 3, 4, 4, 4, 4, 4, 4, 8])
    expect(chunks.at(-2)?.candidates?.[0]?.finishReason).toBe('STOP')
  })

  test.each([1, 3, 8])('scripted-break-%i cuts after as many chunks, and what it said last is told', async (count) => {
    const { answer, record } = await playModel(upstream, `scripted-break-${count}`, shape)
    const chunks = shape === 'array' ? readCutArray(answer.text) : readChunks(answer.text, shape)
    expect(answer.ended).toBe('cut')
    expect(chunks).toHaveLength(count)
    expect(record).toMatchObject({ outcome: 'broken', completionTokensSent: count, usageReported: { candidatesTokenCount: count } })
  })

  test('scripted-stall goes silent until the client leaves', async () => {
    const { record } = await playModel(upstream, 'scripted-stall-2', shape, 600)
    expect(record).toMatchObject({ outcome: 'client_left', completionTokensSent: 2 })
  })

  test('scripted-malformed-sse breaks one chunk', async () => {
    const { answer } = await playModel(upstream, 'scripted-malformed-sse', shape)
    const payloads = shape === 'sse' ? readEvents(answer.text) : answer.text.slice(1, -'\n]\n'.length).split('\n,\r\n')
    expect(payloads).toHaveLength(9)
    expect(payloads.filter((payload) => !payload.endsWith('}'))).toHaveLength(1)
  })

  test.each([
    ['error-first', 0],
    ['error-mid', 3],
  ])('scripted-%s sends an error behind %i chunks', async (name, count) => {
    const { answer, record } = await playModel(upstream, `scripted-${name}`, shape)
    const chunks = readChunks(answer.text, shape)
    expect(answer.status).toBe(200)
    expect(chunks.at(-1)?.error).toMatchObject({ code: 500, status: 'INTERNAL', message: expect.any(String) })
    expect(chunks.slice(0, -1).filter((chunk) => textOf(chunk) !== '')).toHaveLength(count)
    expect(record).toMatchObject({ outcome: 'broken', completionTokensSent: count })
  })

  test('scripted-huge-event carries one token of 16 MB', async () => {
    const { answer, record } = await playModel(upstream, 'scripted-huge-event', shape)
    expect(answer.bytes.length).toBeGreaterThan(16 * 1024 * 1024)
    expect(record).toMatchObject({ outcome: 'completed', completionTokensSent: 8 })
  })
})

test('a cut or malformed body is half a body', async () => {
  const cut = await playModel(upstream, 'scripted-break', 'body')
  expect(cut.answer.ended).toBe('cut')
  expect(cut.record).toMatchObject({ outcome: 'broken', completionTokensGenerated: 8, completionTokensSent: 0 })
  const { text } = (await playModel(upstream, 'scripted-malformed-sse', 'body')).answer
  expect(() => JSON.parse(text)).toThrow()
  expect((await playModel(upstream, 'scripted-usage-twice', 'body')).answer.text.split('usageMetadata')).toHaveLength(3)
})

describe('bytes on the wire', () => {
  const text = async (name: string, shape: Shape): Promise<string> => (await playModel(upstream, `scripted-${name}`, shape)).answer.text

  test('events end with CR LF, as Google ends them, unless a behaviour says otherwise', async () => {
    expect((await text('fast', 'sse')).replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(await text('cr', 'sse')).not.toContain('\n')
    expect(await text('comments', 'sse')).toMatch(/^: keep-alive\n\ndata: /)
    expect((await text('bytes-after-done', 'sse')).split('"finishReason"')).toHaveLength(3)
  })

  test('elements of an array are apart as Google sets them, and each framing leaves valid JSON', async () => {
    expect(await text('fast', 'array')).toMatch(/^\[\{.*\}\n,\r\n\{.*\}\n\]\n$/s)
    expect((await text('crlf', 'array')).replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(await text('cr', 'array')).not.toContain('\n')
    expect(await text('comments', 'array')).toMatch(/^\[\n\{.*\n,\r\n\n\{/s)
    expect((await text('no-last-newline', 'array')).endsWith(']')).toBe(true)
    expect((await text('bytes-after-done', 'array')).split('\n]\n')).toHaveLength(3)
  })

  test('scripted-split cuts everywhere in an array too', async () => {
    const { answer } = await playModel(upstream, 'scripted-split', 'array')
    expect(answer.chunks).toBeGreaterThan(answer.bytes.length / 50)
    expect(answer.text).not.toContain('\uFFFD')
  })
})
