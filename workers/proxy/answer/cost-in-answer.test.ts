import { describe, expect, test } from 'vitest'
import { openaiChat } from '../dialects/openai-chat.ts'
import { isUsageChunk } from '../dialects/openai-chat-usage.ts'
import { streamFormOf } from '../dialects/stream-form.ts'
import { costRewrite, withCost } from './cost-in-answer.ts'
import { StreamMeter } from './stream-meter.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

describe('the cost in an answer', () => {
  test('stands beside its usage, and nothing else changes by a byte', () => {
    const text = '{ "id" : "x", "n": 1.50, "usage": {"prompt_tokens":3 , "completion_tokens":4}, "z":"\\u00fc"}'
    expect(decoder.decode(withCost(encoder.encode(text), openaiChat, '0.000000012'))).toBe(
      '{ "id" : "x", "n": 1.50, "usage":{"cost_usd":"0.000000012","prompt_tokens":3 , "completion_tokens":4}, "z":"\\u00fc"}',
    )
  })

  test('is not invented where no usage is reported', () => {
    for (const text of ['{"a":1}', '{"usage":null}', '{"usage":[1]}', '{"usage":"x"}', '{"choices":[{"usage":{}}]}']) {
      expect(decoder.decode(withCost(encoder.encode(text), openaiChat, '1.00'))).toBe(text)
    }
  })

  test('is found at the end of a path', () => {
    const text = '{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1}}}'
    const dialect = { usagePaths: [['response', 'usage'], ['usage']] }
    expect(JSON.parse(decoder.decode(withCost(encoder.encode(text), dialect, '0.01')))).toEqual({
      type: 'response.completed',
      response: { id: 'r', usage: { input_tokens: 1, cost_usd: '0.01' } },
    })
  })

  test('comes with the event of a stream that reports usage, and hidden events stay hidden', () => {
    const form = streamFormOf('events')
    if (!form) throw new Error('there is no form of events')
    const meter = new StreamMeter(openaiChat, form)
    const usage = encoder.encode('event: x\ndata: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n')
    const content = encoder.encode('data: {"choices":[{"delta":{"content":"usage"}}]}\n\n')
    meter.push(content)
    meter.push(usage)
    const rewrite = costRewrite(openaiChat, form, null, ({ usage: read }) => `${read?.outputTokens}.00`)(meter)
    expect(rewrite(content)).toBe(content)
    expect(decoder.decode(rewrite(usage) ?? undefined)).toBe(
      'event: x\ndata: {"choices":[],"usage":{"cost_usd":"4.00","prompt_tokens":3,"completion_tokens":4}}\n\n',
    )
    const hiding = costRewrite(openaiChat, form, isUsageChunk, null)(meter)
    expect([hiding(usage), hiding(content)]).toEqual([null, content])
  })
})
