import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { behaviours } from './behaviours.ts'
import { startUpstream, type TruthRecord, type Upstream } from './server.ts'
import { chatBody, endedRecord, type RawAnswer, readEvents, send, streamed, testKey } from './test-client.ts'

let upstream: Upstream
let healthy: string[]

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
  healthy = readEvents((await send(upstream.url, { body: chatBody('scripted-fast', '[tokens=8]', streamed) })).text)
})
afterAll(() => upstream.close())

type Played = { answer: RawAnswer; events: string[]; record: TruthRecord }
let plays = 0

async function playModel(model: string, more: Record<string, unknown> = streamed, leaveAfterBytes?: number): Promise<Played> {
  plays += 1
  const relayRequestId = `play-${plays}`
  const request = { body: chatBody(model, '[tokens=8]', more), headers: { 'x-request-id': relayRequestId } }
  const answer = await send(upstream.url, leaveAfterBytes === undefined ? request : { ...request, leaveAfterBytes })
  return { answer, events: readEvents(answer.text), record: await endedRecord(upstream, relayRequestId) }
}

const contentOf = (events: string[]): string[] =>
  events.flatMap((event) => {
    if (event === '[DONE]') return []
    const content: unknown = JSON.parse(event).choices?.[0]?.delta?.content
    return typeof content === 'string' && content !== '' ? [content] : []
  })
const usageOf = (events: string[]): unknown => JSON.parse(events.at(-2) ?? '{}').usage

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
]

test.each(whole)('scripted-%s delivers a whole stream', async (name) => {
  const { answer, record } = await playModel(`scripted-${name}`)
  const text = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.bytes).toString() : answer.text
  const events = readEvents(text)
  expect(events.at(-1)).toBe('[DONE]')
  expect(contentOf(events)).toHaveLength(8)
  expect(usageOf(events)).toMatchObject({ completion_tokens: 8 })
  expect(record).toMatchObject({ outcome: 'completed', completionTokensSent: 8, usageReported: { completion_tokens: 8 } })
})

test.each(whole)('scripted-%s delivers a whole body', async (name) => {
  const { answer, record } = await playModel(`scripted-${name}`, {})
  const text = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.bytes).toString() : answer.text
  expect(JSON.parse(text.replace(/^\uFEFF/, ''))).toMatchObject({ usage: { completion_tokens: 8 } })
  expect(record).toMatchObject({ outcome: 'completed', completionTokensGenerated: 8 })
})

describe('usage', () => {
  test.each([
    ['zero', 0],
    ['absurd', 1e15],
    ['negative', -5],
    ['text', '12'],
    ['empty-text', ''],
    ['fraction', 1.5],
    ['overflow', Number.POSITIVE_INFINITY],
  ])('scripted-%s-usage reports %s', async (name, count) => {
    const { answer, events, record } = await playModel(`scripted-${name}-usage`)
    expect(usageOf(events)).toEqual({ prompt_tokens: count, completion_tokens: count, total_tokens: count })
    expect(answer.text).toContain('[DONE]')
    expect(record.completionTokensGenerated).toBe(8)
    const body = JSON.parse((await playModel(`scripted-${name}-usage`, {})).answer.text)
    expect(body.usage.completion_tokens).toBe(count)
  })

  test('nan, null and absent', async () => {
    expect((await playModel('scripted-nan-usage')).answer.text).toContain('"completion_tokens":NaN')
    expect(usageOf((await playModel('scripted-null-usage')).events)).toBeNull()
    const { events, record } = await playModel('scripted-no-usage')
    expect(events).toHaveLength(healthy.length - 1)
    expect(record.usageReported).toBeNull()
    expect(JSON.parse((await playModel('scripted-no-usage', {})).answer.text)).not.toHaveProperty('usage')
  })

  test('twice, and in the choices', async () => {
    const { events } = await playModel('scripted-usage-twice')
    expect(JSON.parse(events.at(-3) ?? '')).toMatchObject({ choices: [], usage: { completion_tokens: 4 } })
    const inChoices = await playModel('scripted-usage-in-choices')
    expect(JSON.parse(inChoices.events.at(-2) ?? '')).toMatchObject({
      usage: null,
      choices: [{ finish_reason: 'stop', usage: { completion_tokens: 8 } }],
    })
    expect(inChoices.record.usageReported).toMatchObject({ completion_tokens: 8 })
  })
})

describe('cuts and silence', () => {
  test.each([0, 1, 3, 8])('scripted-break-%i cuts after as many chunks', async (chunks) => {
    const { answer, events, record } = await playModel(`scripted-break-${chunks}`)
    expect(answer.ended).toBe('cut')
    expect(contentOf(events)).toHaveLength(chunks)
    expect(record).toMatchObject({
      outcome: 'broken',
      completionTokensSent: chunks,
      completionTokensGenerated: chunks,
      usageReported: null,
    })
  })

  test('scripted-break cuts a body in half', async () => {
    const { answer, record } = await playModel('scripted-break', {})
    expect(answer.ended).toBe('cut')
    expect(answer.bytes.length).toBeGreaterThan(0)
    expect(record).toMatchObject({ outcome: 'broken', completionTokensGenerated: 8, completionTokensSent: 0 })
  })

  test('scripted-stall goes silent until the client leaves', async () => {
    const { events, record } = await playModel('scripted-stall-2', streamed, 600)
    expect(events.length).toBeLessThanOrEqual(3)
    expect(record).toMatchObject({ outcome: 'client_left', completionTokensSent: 2 })
  })

  test.each([
    ['break-before-headers', 8],
    ['refuse', 0],
  ])('scripted-%s answers nothing', async (name, generated) => {
    const request = { body: chatBody(`scripted-${name}`, '[tokens=8]'), headers: { 'x-request-id': name } }
    await expect(send(upstream.url, request)).rejects.toThrow(/ECONNRESET|socket hang up/)
    expect(await endedRecord(upstream, name)).toMatchObject({
      outcome: 'broken',
      status: null,
      behaviour: name,
      completionTokensGenerated: generated,
    })
  })

  test('scripted-stall-before-headers never answers', async () => {
    const body = JSON.stringify(chatBody('scripted-stall-before-headers', 'hi'))
    const headers = { authorization: `Bearer ${testKey}`, 'content-type': 'application/json', 'x-request-id': 'mute' }
    await expect(
      fetch(`${upstream.url}/openai/v1/chat/completions`, { method: 'POST', headers, body, signal: AbortSignal.timeout(60) }),
    ).rejects.toThrow()
    expect(await endedRecord(upstream, 'mute')).toMatchObject({ outcome: 'client_left', status: null, completionTokensGenerated: 0 })
  })

  test('scripted-slow-first and scripted-paced take their time', async () => {
    const slow = await playModel('scripted-slow-first-40', {})
    expect((slow.record.endedAt ?? 0) - slow.record.receivedAt).toBeGreaterThanOrEqual(39)
    const paced = await playModel('scripted-paced-5')
    expect((paced.record.endedAt ?? 0) - paced.record.receivedAt).toBeGreaterThanOrEqual(45)
    expect(paced.answer.chunks).toBeGreaterThan(5)
  })
})

describe('broken answers', () => {
  test('scripted-malformed-sse breaks one event', async () => {
    const { events } = await playModel('scripted-malformed-sse')
    const broken = events.filter((event) => event !== '[DONE]' && !event.endsWith('}'))
    expect(broken).toHaveLength(1)
    expect(events).toHaveLength(healthy.length)
  })

  test.each([
    ['error-first', 0],
    ['error-mid', 3],
  ])('scripted-%s sends an error event behind %i chunks', async (name, chunks) => {
    const { answer, events, record } = await playModel(`scripted-${name}`)
    expect(answer.status).toBe(200)
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ error: { type: 'server_error' } })
    expect(contentOf(events.slice(0, -1))).toHaveLength(chunks)
    expect(record).toMatchObject({ outcome: 'broken', completionTokensSent: chunks })
  })

  test('bodies that are no answers', async () => {
    expect((await playModel('scripted-html')).answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/html; charset=UTF-8' },
    })
    expect((await playModel('scripted-empty-stream')).answer).toMatchObject({ status: 200, text: '' })
    const { answer, record } = await playModel('scripted-json-error-200')
    expect(JSON.parse(answer.text)).toHaveProperty('error.message')
    expect(record).toMatchObject({ outcome: 'broken', completionTokensGenerated: 0 })
  })

  test.each([
    ['rate-limited', 429, '2'],
    ['rate-limited-7', 429, '7'],
    ['rate-limited-forever', 429, '99999999'],
    ['error-500', 500, undefined],
    ['error-503', 503, undefined],
    ['error-401', 401, undefined],
    ['error-400', 400, undefined],
    ['error-403', 403, undefined],
  ])('scripted-%s answers %i', async (name, status, retryAfter) => {
    const { answer, record } = await playModel(`scripted-${name}`)
    expect(answer.status).toBe(status)
    expect(answer.headers['retry-after']).toBe(retryAfter)
    expect(answer.text.includes(testKey)).toBe(name === 'error-401')
    expect(record.outcome).toBe('refused')
  })

  test('scripted-flaky fails first, then succeeds', async () => {
    const statuses: number[] = []
    for (let attempt = 0; attempt < 5; attempt += 1) statuses.push((await playModel('scripted-flaky-2')).answer.status)
    expect(statuses).toEqual([503, 503, 200, 503, 503])
    upstream.clear()
    expect((await playModel('scripted-flaky-2')).answer.status).toBe(503)
  })

  test('scripted-blank and scripted-content-filter end early', async () => {
    const blank = JSON.parse((await playModel('scripted-blank', {})).answer.text)
    expect(blank).toMatchObject({ choices: [{ message: { content: '' }, finish_reason: 'stop' }], usage: { completion_tokens: 0 } })
    const filtered = JSON.parse((await playModel('scripted-content-filter', {})).answer.text)
    expect(filtered).toMatchObject({ choices: [{ finish_reason: 'content_filter' }], usage: { completion_tokens: 4 } })
  })
})

describe('bytes on the wire', () => {
  test('line ends, marks, comments and what follows the end', async () => {
    const text = async (name: string): Promise<string> => (await playModel(`scripted-${name}`)).answer.text
    expect((await text('crlf')).replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(await text('cr')).not.toContain('\n')
    expect((await playModel('scripted-bom')).answer.bytes.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]))
    expect(await text('comments')).toMatch(/^: keep-alive\n\ndata: /)
    expect((await text('no-last-newline')).endsWith('data: [DONE]')).toBe(true)
    expect((await text('bytes-after-done')).split('[DONE]')[1]?.length).toBeGreaterThan(100)
  })

  test('scripted-split cuts everywhere, and the pieces make the same text', async () => {
    const { answer } = await playModel('scripted-split')
    expect(answer.chunks).toBeGreaterThan(answer.bytes.length / 50)
    expect(answer.text).not.toContain('\uFFFD')
    expect(answer.bytes.length).toBeGreaterThan(answer.text.length)
  })

  test('scripted-huge-event carries one token of 16 MB', async () => {
    const { answer, record } = await playModel('scripted-huge-event')
    expect(answer.bytes.length).toBeGreaterThan(16 * 1024 * 1024)
    expect(record).toMatchObject({ outcome: 'completed', completionTokensSent: 8 })
  })

  test('scripted-gzip-bomb is small on the wire', async () => {
    const { answer } = await playModel('scripted-gzip-bomb-8')
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(answer.bytes.length).toBeLessThan(200_000)
    expect(gunzipSync(answer.bytes).length).toBeGreaterThan(8 * 1024 * 1024)
  })
})

test('each behaviour is told in the README', async () => {
  const { readFile } = await import('node:fs/promises')
  const readme = await readFile(new URL('README.md', import.meta.url), 'utf8')
  expect(Object.keys(behaviours).filter((name) => !readme.includes(`\`scripted-${name}`))).toEqual([])
})
