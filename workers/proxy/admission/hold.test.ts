import { describe, expect, test } from 'vitest'
import { boundNanos } from '#shared/pricing/cost.ts'
import { formatUsd } from '#shared/values/money.ts'
import { openaiChat, readChatCall } from '../dialects/openai-chat.ts'
import { countedBodyBytes, imageTokens } from '../limits.ts'
import { modelOf, routeOf } from '../testing/offer.ts'
import { paidOffer } from '../upstream/offers.ts'
import { holdOf } from './hold.ts'

const price = {
  inputPicos: 1_000,
  cacheReadPicos: 500,
  cacheWrite5mPicos: 1_000,
  cacheWrite1hPicos: 1_000,
  outputPicos: 4_000,
  priceVersionId: 'prc_1',
}
const model = modelOf({ id: 'gpt-test', contextTokens: 128_000, maxOutputTokens: 4_096, tokenizer: 'o200k_base', price, routes: [] })
const request = {
  requestId: 'req_1',
  keyId: 'key_1',
  model: 'gpt-test',
  priceVersionId: 'prc_1',
  method: 'POST',
  path: '/v1/chat/completions',
  clientIp: '192.0.2.1',
  userAgent: '',
  startedAtMs: 0,
}
const prose = 'The customer pays for tokens, and a token is about four letters of English prose. '.repeat(20)

function hold(body: object) {
  const bytes = new TextEncoder().encode(
    JSON.stringify({ model: 'gpt-test', max_tokens: 100, messages: [{ role: 'user', content: prose }], ...body }),
  )
  return { bytes: bytes.length, ...holdOf(request, openaiChat, readChatCall({ bytes }), [paidOffer(model, routeOf())]) }
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
})

describe('a refused hold says', () => {
  const advised = (text: string) => Number(/It fits with max_tokens of (\d+)\.$/.exec(text)?.[1])

  test('what it may cost and what there is, in exact dollars', () => {
    const { advice, reference } = hold({})
    const said = advice({ holdNanos: reference.holdNanos - 1, tokens: null })
    expect(said).toContain(`up to ${formatUsd(reference.holdNanos)} dollars, and ${formatUsd(reference.holdNanos - 1)} dollars`)
    expect(said).not.toContain('tokens, and')
  })

  test('the tokens there are when those are what is short', () => {
    const { advice, reference } = hold({})
    const said = advice({ holdNanos: reference.holdNanos, tokens: 70 })
    expect(said).toContain(`up to ${reference.reservedTokens} tokens, and 70 are left`)
    expect(said).not.toContain('dollars')
  })

  test('the max_tokens that fits once its input is counted, and not one more', async () => {
    const room = { holdNanos: 4_100, tokens: null }
    const { advice, tighter } = hold({ max_tokens: 1_000 })
    expect(await tighter(room)).toBeNull()
    const maxTokens = advised(advice(room))
    expect(await hold({ max_tokens: maxTokens }).tighter(room)).not.toBeNull()
    expect(await hold({ max_tokens: maxTokens + 1 }).tighter(room)).toBeNull()
  })

  test('the max_tokens that its bytes leave when it was not counted', () => {
    const room = { holdNanos: 3_900, tokens: null }
    const maxTokens = advised(hold({ max_tokens: 1_000 }).advice(room))
    expect(hold({ max_tokens: maxTokens }).reference.holdNanos).toBeLessThanOrEqual(room.holdNanos)
    expect(hold({ max_tokens: maxTokens + 2 }).reference.holdNanos).toBeGreaterThan(room.holdNanos)
  })

  test('that no max_tokens fits when its input alone is too much', async () => {
    const room = { holdNanos: 420, tokens: null }
    const { advice, tighter } = hold({ messages: [{ role: 'user', content: prose.repeat(2) }] })
    expect(await tighter(room)).toBeNull()
    expect(advice(room)).toContain('No max_tokens makes it fit now.')
  })
})
