import { describe, expect, test } from 'vitest'
import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import { boundNanos } from '#shared/pricing/cost.ts'
import { readChatCall } from './dialects/openai-chat.ts'
import type { Exchange } from './exchange.ts'
import { holdOf } from './hold.ts'
import { countedBodyBytes, imageTokens } from './limits.ts'

const price = {
  inputPicos: 1_000,
  cacheReadPicos: 500,
  cacheWrite5mPicos: 1_000,
  cacheWrite1hPicos: 1_000,
  outputPicos: 4_000,
  priceVersionId: 'prc_1',
}
const model: CatalogueModel = {
  id: 'gpt-test',
  kind: 'chat',
  contextTokens: 128_000,
  maxOutputTokens: 4_096,
  tokenizer: 'o200k_base',
  createdAtMs: 0,
  price,
  routes: [],
}
const exchange = {
  requestId: 'req_1',
  startedAtMs: 0,
  clientIp: '192.0.2.1',
  request: new Request('http://relay.test/'),
} as unknown as Exchange
const prose = 'The customer pays for tokens, and a token is about four letters of English prose. '.repeat(20)

function hold(body: object) {
  const bytes = new TextEncoder().encode(
    JSON.stringify({ model: 'gpt-test', max_tokens: 100, messages: [{ role: 'user', content: prose }], ...body }),
  )
  return { bytes: bytes.length, ...holdOf(exchange, readChatCall(bytes), model, 'key_1') }
}

test('a hold is bounded by bytes and max_tokens, without a look at the text', () => {
  const { bytes, reference } = hold({})
  expect(reference.reservedTokens).toBe(bytes + 100)
  expect(reference.holdNanos).toBe(boundNanos({ inputTokens: bytes, outputTokens: 100 }, price))
})

describe('a hold that does not fit', () => {
  test('is counted, to a fraction of the bound and never above what fits', async () => {
    const { reference, tighter } = hold({})
    const room = { holdNanos: reference.holdNanos - 1, tokens: null }
    const counted = await tighter(room)
    expect(counted?.holdNanos).toBeLessThan(reference.holdNanos / 2)
    expect(counted?.reservedTokens).toBeLessThan(reference.reservedTokens / 2)
    expect(counted?.request).toEqual(reference.request)
    const exact = { holdNanos: counted?.holdNanos ?? 0, tokens: counted?.reservedTokens ?? 0 }
    expect(await tighter(exact)).toEqual(counted)
    expect(await tighter({ ...exact, holdNanos: exact.holdNanos - 1 })).toBeNull()
    expect(await tighter({ ...exact, tokens: exact.tokens - 1 })).toBeNull()
  })

  test('covers what the texts are, with a token for each of the frames around them', async () => {
    const { tighter, reference } = hold({ messages: Array.from({ length: 50 }, () => ({ role: 'user', content: 'hi' })) })
    const counted = await tighter({ holdNanos: reference.holdNanos - 1, tokens: null })
    // OpenAI frames each message with three tokens, and the answer with three more.
    expect((counted?.reservedTokens ?? 0) - 100).toBeGreaterThanOrEqual(50 * (1 + 3) + 3)
  })

  test('is not counted when its output alone is too much', async () => {
    const { tighter } = hold({ max_tokens: 4_000 })
    expect(await tighter({ holdNanos: 15_999, tokens: null })).toBeNull()
  })

  test('is not counted when its body is too long', async () => {
    const { tighter, reference } = hold({ messages: [{ role: 'user', content: 'x'.repeat(countedBodyBytes) }] })
    expect(await tighter({ holdNanos: reference.holdNanos - 1, tokens: null })).toBeNull()
  })

  test('counts an image as the bound it is, and not as the text of its bytes', async () => {
    const url = `data:image/png;base64,${'iVBORw0KGgo'.repeat(20_000)}`
    const content = [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url } },
    ]
    const { tighter, reference } = hold({ messages: [{ role: 'user', content }] })
    const counted = await tighter({ holdNanos: reference.holdNanos - 1, tokens: null })
    expect(counted?.reservedTokens).toBeGreaterThan(imageTokens)
    expect(counted?.reservedTokens).toBeLessThan(imageTokens + 300)
  })

  test('takes no text for an image, wherever it says that it is one', async () => {
    const disguised = { type: 'image_url', text: prose }
    const { tighter, reference } = hold({ messages: [{ role: 'user', content: 'hi' }], tools: [{ type: 'function', function: disguised }] })
    const counted = await tighter({ holdNanos: reference.holdNanos - 1, tokens: null })
    expect(counted?.reservedTokens).toBeGreaterThan(100 + 300)
  })

  test('says what it may cost and what there is', () => {
    const { advice } = hold({})
    expect(advice({ holdNanos: 1_500_000_000, tokens: null })).toContain('1.50 dollars can be held')
  })
})
