import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type TruthRecord, type Upstream } from '../server.ts'
import { endedRecord, type RawAnswer, testKey } from '../test-client.ts'
import { messageBody, readNamedEvents, sendMessages } from './test-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterAll(() => upstream.close())

type Played = { answer: RawAnswer; events: ReturnType<typeof readNamedEvents>; record: TruthRecord }
let plays = 0

async function playModel(model: string, stream = true, leaveAfterBytes?: number): Promise<Played> {
  plays += 1
  const relayRequestId = `play-${plays}`
  const request = { body: messageBody(model, '[tokens=8]', { stream }), headers: { 'x-request-id': relayRequestId } }
  const answer = await sendMessages(upstream.url, leaveAfterBytes === undefined ? request : { ...request, leaveAfterBytes })
  return { answer, events: readNamedEvents(answer.text), record: await endedRecord(upstream, relayRequestId) }
}

const startUsage = ({ events }: Played): unknown => (events[0]?.data?.message as { usage?: unknown } | undefined)?.usage
const deltas = ({ events }: Played): unknown[] => events.filter(({ name }) => name === 'message_delta').map(({ data }) => data?.usage)
const textsOf = ({ events }: Played): number => events.filter(({ name }) => name === 'content_block_delta').length

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
  'split-7',
  'usage-in-choices',
]

test.each(whole)('scripted-%s delivers a whole stream and a whole body', async (name) => {
  const played = await playModel(`scripted-${name}`)
  expect(played.events.at(-1)?.name).toBe('message_stop')
  expect(textsOf(played)).toBe(8)
  expect(startUsage(played)).toMatchObject({ input_tokens: 4, output_tokens: 1 })
  expect(deltas(played)).toMatchObject([{ output_tokens: 8 }])
  const reported = { input_tokens: 4, output_tokens: 8, cache_creation: { ephemeral_5m_input_tokens: 0 } }
  expect(played.record).toMatchObject({ outcome: 'completed', completionTokensSent: 8, usageReported: reported })
  const { answer, record } = await playModel(`scripted-${name}`, false)
  expect(JSON.parse(answer.text.replace(/^\uFEFF/, ''))).toMatchObject({ usage: reported })
  expect(record).toMatchObject({ outcome: 'completed', completionTokensSent: 8, usageReported: reported })
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
    ['null', null],
    ['no', undefined],
  ])('scripted-%s-usage says %s wherever usage stands', async (name, count) => {
    const model = name === 'no' ? 'scripted-no-usage' : `scripted-${name}-usage`
    const fields = { input_tokens: count, cache_creation_input_tokens: count, cache_read_input_tokens: count, output_tokens: count }
    const expected = count === null || count === undefined ? count : fields
    const played = await playModel(model)
    expect(startUsage(played)).toEqual(expected)
    expect(deltas(played)).toEqual([expected])
    expect(played.events.at(-1)?.name).toBe('message_stop')
    expect(played.record).toMatchObject({ outcome: 'completed', completionTokensGenerated: 8 })
    const inBody = await playModel(model, false)
    expect(JSON.parse(inBody.answer.text).usage).toEqual(expected)
    for (const { record } of [played, inBody]) {
      // JSON cannot hold what is infinite, so the record shows the text.
      if (name === 'overflow') expect(record.usageReported).toContain('1e400')
      else expect(record.usageReported).toEqual(expected ?? null)
    }
  })

  test('scripted-nan-usage is no JSON in either event', async () => {
    const { answer, events } = await playModel('scripted-nan-usage')
    expect(answer.text.match(/"output_tokens":NaN/g)).toHaveLength(2)
    expect(events.filter(({ data }) => data === null)).toHaveLength(2)
  })

  test('scripted-usage-twice says half, then all', async () => {
    const played = await playModel('scripted-usage-twice')
    expect(deltas(played)).toMatchObject([{ output_tokens: 4 }, { output_tokens: 8 }])
    expect(played.record.usageReported).toMatchObject({ output_tokens: 8 })
    const { text } = (await playModel('scripted-usage-twice', false)).answer
    expect([...text.matchAll(/"output_tokens":(\d+)/g)].map((found) => found[1])).toEqual(['4', '8'])
  })
})

describe('broken answers', () => {
  test.each([0, 1, 3, 8])('scripted-break-%i cuts after as many words, behind what the start reported', async (chunks) => {
    const played = await playModel(`scripted-break-${chunks}`)
    expect(played.answer.ended).toBe('cut')
    expect(textsOf(played)).toBe(chunks)
    expect(played.record).toMatchObject({ outcome: 'broken', completionTokensSent: chunks, usageReported: { output_tokens: 1 } })
  })

  test('scripted-stall goes silent until the client leaves', async () => {
    const played = await playModel('scripted-stall-2', true, 500)
    expect(textsOf(played)).toBeLessThanOrEqual(2)
    expect(played.record).toMatchObject({ outcome: 'client_left', completionTokensSent: 2 })
  })

  test.each([
    ['error-first', 0],
    ['error-mid', 3],
  ])('scripted-%s sends an error event behind %i words', async (name, chunks) => {
    const played = await playModel(`scripted-${name}`)
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
    expect(played.answer.status).toBe(200)
    expect(played.events.at(-1)).toMatchObject({ name: 'error', data: error })
    expect(textsOf(played)).toBe(chunks)
    expect(played.record).toMatchObject({ outcome: 'broken', completionTokensSent: chunks })
    expect(JSON.parse((await playModel(`scripted-${name}`, false)).answer.text)).toMatchObject(error)
  })

  test('scripted-malformed-sse breaks one event', async () => {
    expect((await playModel('scripted-malformed-sse')).events.filter(({ data }) => data === null)).toHaveLength(1)
  })

  test('scripted-bytes-after-done sends named events behind the end', async () => {
    const { events } = await playModel('scripted-bytes-after-done')
    const end = events.findIndex(({ name }) => name === 'message_stop')
    expect(events.slice(end + 1)).toEqual(events.slice(0, end + 1))
  })

  test.each([
    ['rate-limited-7', 429, 'rate_limit_error', '7'],
    ['error-500', 500, 'api_error', undefined],
    ['error-503', 529, 'overloaded_error', undefined],
    ['error-401', 401, 'authentication_error', undefined],
    ['error-400', 400, 'invalid_request_error', undefined],
    ['error-403', 403, 'permission_error', undefined],
  ])('scripted-%s answers %i %s', async (name, status, type, retryAfter) => {
    const { answer, record } = await playModel(`scripted-${name}`)
    const body = JSON.parse(answer.text)
    expect(answer.status).toBe(status)
    expect(body).toMatchObject({ type: 'error', error: { type } })
    expect(answer.headers).toMatchObject({ 'request-id': body.request_id })
    expect(answer.headers['retry-after']).toBe(retryAfter)
    expect(answer.text.includes(testKey)).toBe(name === 'error-401')
    expect(answer.text.includes('org-scripted')).toBe(name === 'error-403' || name === 'rate-limited-7')
    expect(answer.text.includes('prompt is too long')).toBe(name === 'error-400')
    expect(record.outcome).toBe('refused')
  })

  test('scripted-flaky fails first, then succeeds', async () => {
    const statuses: number[] = []
    for (let attempt = 0; attempt < 4; attempt += 1) statuses.push((await playModel('scripted-flaky-2')).answer.status)
    expect(statuses).toEqual([529, 529, 200, 529])
  })

  test('scripted-blank says nothing, and scripted-content-filter refuses half way', async () => {
    const blank = await playModel('scripted-blank')
    expect(blank.events.map(({ name }) => name)).toEqual(['message_start', 'ping', 'message_delta', 'message_stop'])
    expect(deltas(blank)).toMatchObject([{ output_tokens: 0 }])
    const filtered = JSON.parse((await playModel('scripted-content-filter', false)).answer.text)
    expect(filtered).toMatchObject({ stop_reason: 'refusal', stop_details: { type: 'refusal' }, usage: { output_tokens: 4 } })
  })
})
