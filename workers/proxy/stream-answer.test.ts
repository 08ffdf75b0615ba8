import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { costRewrite } from './cost-in-answer.ts'
import { openaiChat } from './dialects/openai-chat.ts'
import { isUsageChunk } from './dialects/openai-chat-usage.ts'
import { streamFormOf } from './dialects/stream-form.ts'
import { relayStream, type StreamPlan } from './stream-answer.ts'

/** Node has neither of these two of the platform's; a transform without a job is the first, a timer the second. */
beforeAll(() => {
  vi.stubGlobal('IdentityTransformStream', TransformStream)
  vi.stubGlobal('scheduler', { wait: (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs)) })
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

const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}'
const first = 'data: {"choices":[{"delta":{"content":"grün"}}],"usage":null}'

/** An upstream that sends these pieces, and then ends or breaks. */
function upstream(pieces: (string | Uint8Array)[], breaks = false, type = 'text/event-stream') {
  const left = pieces.map((piece) => (typeof piece === 'string' ? encoder.encode(piece) : piece))
  const body = new ReadableStream({
    type: 'bytes',
    pull(controller: ReadableByteStreamController) {
      const piece = left.shift()
      if (piece) controller.enqueue(piece.slice())
      else if (breaks) controller.error(new Error('cut'))
      else {
        controller.close()
        controller.byobRequest?.respond(0)
      }
    },
  })
  const cancel = vi.fn()
  return { answer: { response: new Response(body, { headers: { 'content-type': type } }), trace: undefined, cancel }, cancel }
}

async function relayed(pieces: (string | Uint8Array)[], showsUsage: boolean, breaks = false) {
  const { readable, meter, ended } = await relayStream(upstream(pieces, breaks).answer, planOf(showsUsage))
  const text = await new Response(readable).text()
  return { text, end: await ended, reading: meter.finish() }
}

describe.each([true, false])('a stream to a client that asked for usage: %s', (showsUsage) => {
  const transcript = `: hi\n\n${first}\n\n${usage}\n\ndata: [DONE]\n\n`
  const shown = showsUsage ? transcript : transcript.replace(`${usage}\n\n`, '')

  test('arrives byte for byte at every cut, and is metered', async () => {
    const bytes = encoder.encode(transcript)
    for (let at = 1; at < bytes.length; at += 3) {
      const { text, end, reading } = await relayed([bytes.slice(0, at), bytes.slice(at)], showsUsage)
      expect(text).toBe(shown)
      expect({ end, usage: reading.usage }).toEqual({ end: 'completed', usage: { inputTokens: 3, outputTokens: 4 } })
    }
  }, 60_000)

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
