import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openaiChat } from '../dialects/openai-chat.ts'
import { isUsageChunk } from '../dialects/openai-chat-usage.ts'
import { streamFormOf } from '../dialects/stream-form.ts'
import { chunkBufferBytes, gulpBufferBytes, keepAliveMs, meterIntervalMs } from '../limits.ts'
import { platformGlobals, streamedAnswer } from '../testing/streamed-answer.ts'
import { costRewrite } from './cost-in-answer.ts'
import { relayStream, type StreamPlan } from './stream-answer.ts'

beforeAll(() => {
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
})
afterAll(() => {
  vi.unstubAllGlobals()
})

const encoder = new TextEncoder()

/** A client that did not ask for usage must not see the chunk that reports it. */
function planOf(showsUsage: boolean): StreamPlan {
  const form = streamFormOf('events')
  if (!form) throw new Error('there is no form of events')
  return { dialect: openaiChat, form, rewrite: showsUsage ? null : costRewrite(openaiChat, form, isUsageChunk, null) }
}

const linesOf = (text: string) => text.split(/[\r\n]+/)
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}'
const first = 'data: {"choices":[{"delta":{"content":"grün"}}],"usage":null}'

/** An upstream that sends these pieces, and then ends or breaks, and whether it was cut off. */
function upstream(pieces: (string | Uint8Array)[], breaks = false, contentType = 'text/event-stream') {
  const cancel = vi.fn()
  return { answer: streamedAnswer(pieces, { breaks, contentType, cancel }), cancel }
}

async function relayed(pieces: (string | Uint8Array)[], showsUsage: boolean, breaks = false) {
  const { readable, meter, ended } = await relayStream(upstream(pieces, breaks).answer, planOf(showsUsage))
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await new Response(readable).arrayBuffer())
  return { text, end: await ended, reading: meter.finish() }
}

describe.each([true, false])('a stream to a client that asked for usage: %s', (showsUsage) => {
  test.each([
    ['LF', '\n', ''],
    ['CR LF', '\r\n', ''],
    ['CR', '\r', ''],
    ['LF after a byte order mark', '\n', '\uFEFF'],
  ])(
    'whose lines end in %s arrives byte for byte at every cut, and is metered',
    async (_, lineEnd, mark) => {
      const eventEnd = lineEnd.repeat(2)
      const transcript = `${mark}${first}${eventEnd}: hi${eventEnd}${usage}${eventEnd}data: [DONE]${eventEnd}`
      const shown = showsUsage ? transcript : transcript.replace(`${usage}${eventEnd}`, '')
      const bytes = encoder.encode(transcript)
      for (let at = 1; at < bytes.length; at++) {
        const { text, end, reading } = await relayed([bytes.slice(0, at), bytes.slice(at)], showsUsage)
        if (showsUsage) expect(text).toBe(shown)
        // A CR ends an event by itself: an LF that comes in a later chunk goes with the next event, also when one of the two is left out.
        else expect(linesOf(text)).toEqual(linesOf(shown))
        expect({ end, usage: reading.usage }).toEqual({ end: 'completed', usage: { inputTokens: 3, outputTokens: 4 } })
      }
    },
    60_000,
  )

  test('that is cut ends in an error of its own form and never in [DONE]', async () => {
    const { text, end, reading } = await relayed([`${first}\n\n`, 'data: {"cho'], showsUsage, true)
    expect(text).toContain(first)
    const last = text.trim().split('\n\n').at(-1) ?? ''
    expect(JSON.parse(last.slice(6))).toMatchObject({ error: { code: 'upstream_broken' }, choices: [{ finish_reason: 'error' }] })
    expect(text).not.toContain('[DONE]')
    expect({ end, delivered: reading.deliveredBytes }).toEqual({ end: 'broken', delivered: 5 })
  })

  test('passes a last event on that has no blank line', async () => {
    expect((await relayed([`${first}\n\n`, 'data: [DONE]'], showsUsage)).text).toBe(`${first}\n\ndata: [DONE]`)
  })

  test.each([
    ['an error', ['data: {"error":{"message":"no"}}\n\n']],
    ['an error after a comment, in pieces', [': wait\n\n', 'data: {"err', 'or":{"message":"no"}}\r\n\r\n']],
    ['nothing', []],
    ['comments only', [': wait\n\n', ': wait\n\n']],
  ])('is refused when it begins with %s', async (_, pieces) => {
    const { answer, cancel } = upstream(pieces)
    await expect(relayStream(answer, planOf(showsUsage))).rejects.toMatchObject({ told: { code: 'upstream_error' } })
    expect(cancel).toHaveBeenCalled()
  })

  test.each(['text/html', 'application/json'])('is refused when it is %s', async (type) => {
    const { answer, cancel } = upstream([`${first}\n\n`], false, type)
    await expect(relayStream(answer, planOf(showsUsage))).rejects.toMatchObject({ told: { code: 'upstream_error' } })
    expect(cancel).toHaveBeenCalled()
  })
})

test('a usage chunk without its blank line is left out too', async () => {
  const { text, reading } = await relayed([`${first}\n\n`, usage], false)
  expect(text).toBe(`${first}\n\n`)
  expect(reading.usage).toEqual({ inputTokens: 3, outputTokens: 4 })
})

/** An upstream that says what a test tells it to, when it tells it to. */
function spokenUpstream() {
  let controller: ReadableByteStreamController | undefined
  const body = new ReadableStream({
    type: 'bytes',
    start(given: ReadableByteStreamController) {
      controller = given
    },
  })
  const cancel = vi.fn(() => controller?.error(new Error('cancelled')))
  return {
    answer: { response: new Response(body, { headers: { 'content-type': 'text/event-stream' } }), trace: undefined, cancel },
    cancel,
    say: (text: string) => controller?.enqueue(encoder.encode(text)),
    cut: () => controller?.error(new Error('cut')),
    end() {
      controller?.close()
      controller?.byobRequest?.respond(0)
    },
  }
}

/** All that a client has read up to the moment it is asked for. */
function readAside(readable: ReadableStream<Uint8Array>) {
  const reader = readable.getReader()
  const decoder = new TextDecoder()
  const read = { text: '', isDone: false }
  const work = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) read.text += decoder.decode(part.value, { stream: true })
    read.isDone = true
  }
  void work()
  return read
}

describe.each([true, false])('while the upstream is silent, a client that asked for usage: %s', (showsUsage) => {
  const comment = ': keep-alive\n\n'
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** A stream whose first event has not come for three turns. */
  async function lateStream() {
    const upstream = spokenUpstream()
    const relaying = relayStream(upstream.answer, planOf(showsUsage))
    await vi.advanceTimersByTimeAsync(keepAliveMs)
    const { readable, ended } = await relaying
    const read = readAside(readable)
    await vi.advanceTimersByTimeAsync(2 * keepAliveMs)
    expect(read.text).toBe(comment.repeat(3))
    return { ...upstream, ended, read }
  }

  test('is answered with 200 and comments, and then gets what was said, byte for byte', async () => {
    const { say, end, ended, read } = await lateStream()
    say(`${first}\n\n`)
    await vi.advanceTimersByTimeAsync(1_000)
    say('data: [DONE]\n\n')
    end()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(read).toEqual({ text: `${comment.repeat(3)}${first}\n\ndata: [DONE]\n\n`, isDone: true })
    expect(await ended).toBe('completed')
  })

  test.each([
    ['a cut', ({ cut }: ReturnType<typeof spokenUpstream>) => cut()],
    ['an end', ({ end }: ReturnType<typeof spokenUpstream>) => end()],
    ['an error', ({ say }: ReturnType<typeof spokenUpstream>) => say('data: {"error":{"message":"sk-upstream-key"}}\n\n')],
  ])('is told of %s in the stream, in our words, when it was answered before', async (_, fail) => {
    const { ended, read, ...upstream } = await lateStream()
    fail(upstream)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(read.isDone).toBe(true)
    const said = read.text.slice(3 * comment.length)
    expect(JSON.parse(said.trim().slice('data: '.length))).toMatchObject({ error: { code: 'upstream_broken' } })
    expect(await ended).toBe('broken')
  })
})

test('comments stand between the events of a stream that is rewritten, and never within one', async () => {
  vi.useFakeTimers()
  const { answer, say, end } = spokenUpstream()
  say(`${first}\n\n`)
  const { readable, ended } = await relayStream(answer, planOf(false))
  const read = readAside(readable)
  await vi.advanceTimersByTimeAsync(3 * keepAliveMs)
  const begun = read.text
  expect(begun).toMatch(/^data: .*\n\n(?:: keep-alive\n\n){2,3}$/)
  say(first.slice(0, 20))
  await vi.advanceTimersByTimeAsync(4 * keepAliveMs)
  expect(read.text).toBe(begun)
  say(`${first.slice(20)}\n\n`)
  end()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(read).toEqual({ text: `${begun}${first}\n\n`, isDone: true })
  expect(await ended).toBe('completed')
  vi.useRealTimers()
})

describe.each([true, false])('a client that leaves a stream, having asked for usage: %s', (showsUsage) => {
  const events = [...Array.from({ length: 6 }, () => `${first}\n\n`), `${usage}\n\n`, 'data: [DONE]\n\n']

  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('after any of its events, or the last, has the upstream read to its end for what it used', async () => {
    for (let count = 0; count <= events.length; count++) {
      const { answer, cancel } = upstream(events)
      const { readable, meter, ended } = await relayStream(answer, planOf(showsUsage))
      const reader = readable.getReader()
      for (let read = 0; read < count && !(await reader.read()).done; read++);
      await reader.cancel()
      await vi.advanceTimersByTimeAsync(10_000)
      const end = await ended
      // At the very end it is chance whether its leaving is noticed.
      if (count < events.length - 2) expect(end).toBe('client_left')
      expect(meter.finish().usage).toEqual({ inputTokens: 3, outputTokens: 4 })
      expect(cancel).not.toHaveBeenCalled()
    }
  })
})

/** The rewriting copy waits for the client; the native pipe reads for the meter what the meter takes, which is bounded by time. */
test.each([
  [false, 16 * chunkBufferBytes],
  [true, (60_000 / meterIntervalMs + 4) * gulpBufferBytes],
])('a client that does not read holds a long stream back; having asked for usage: %s', async (showsUsage, mostBytes) => {
  vi.useFakeTimers()
  const part = encoder.encode(`data: {"choices":[{"delta":{"content":"${'x'.repeat(chunkBufferBytes)}"}}],"usage":null}\n\n`)
  let givenBytes = 0
  const body = new ReadableStream({
    type: 'bytes',
    pull(controller: ReadableByteStreamController) {
      givenBytes += part.length
      if (givenBytes < 64_000_000) controller.enqueue(part.slice())
      else controller.close()
    },
  })
  const response = new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  const { readable } = await relayStream({ response, trace: undefined, cancel: () => undefined }, planOf(showsUsage))
  const reader = readable.getReader()
  await reader.read()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(givenBytes).toBeLessThan(mostBytes)
  vi.useRealTimers()
})
