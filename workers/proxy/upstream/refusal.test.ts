import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { routeOf } from '../testing/offer.ts'
import { failureOf, redactMessage } from './refusal.ts'

const hex = '0123456789abcdef'.repeat(2)

const route = routeOf()
const envelope = (message: unknown) => JSON.stringify({ error: { message, type: 'x' } })

describe('what an upstream says of a request', () => {
  test.each([
    ['an OpenAI key', 'sk-proj-abcd1234_efgh'],
    ['a masked key', 'sk-****abcd'],
    ['an Anthropic key', 'sk-ant-api03-xyz12'],
    ['a key of ours', 'rrk_4fGh7'],
    ['a Google key', 'AIzaSyD-abc_123'],
    ['a bearer token', 'Bearer abc.def'],
    ['a hexadecimal key', hex],
    ['a base64 key', 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83v+EjRWeJA='],
    ['a web token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk'],
    ['an AWS access key', 'AKIAIOSFODNN7EXAMPLE'],
    ['an e-mail address', 'bob.smith+x@mail.example.com'],
    ['an account in brackets', '<bob@example.com>'],
    ['an address', 'https://internal.example:8317/v1?key=1'],
    ['an address in capitals', 'HTTP://10.0.0.1/x'],
    ['an address of another kind', 'postgres://u:p@host/db'],
    ['a bare IPv4 address', '10.12.0.7:8317'],
    ['an organization', 'org-AbC123xyz'],
    ['a project', 'proj_AbC123xyz'],
    ['a user', 'user-AbC123xyz'],
    ['a management path', '/v0/management/auth-files'],
  ])('shows nothing of %s', (_, secret) => {
    for (const message of [secret, `No access: ${secret} is wrong.`, `密钥${secret}`, `key="${secret}"`, `a\n${secret}\nb`]) {
      const shown = redactMessage(message)
      for (const piece of secret.split(/[^A-Za-z0-9]+/).filter((part) => part.length > 5 && !/^(bearer|management)$/i.test(part))) {
        expect(shown, message).not.toContain(piece)
      }
      expect(shown).toContain('[')
    }
  })

  test.each([
    "Invalid value for 'messages[0].content': expected a string, got an object.",
    'This model supports at most 16384 completion tokens, whereas you provided 99999.',
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    '请求无效：温度必须在 0 到 2 之间。',
  ])('keeps a plain sentence: %s', (message) => {
    expect(redactMessage(message)).toBe(message)
  })

  test('shows nothing of a secret that the cut goes through', () => {
    for (const secret of [hex.repeat(2), 'sk-abcdefghijk', 'bob.smith@mail.example.com', 'https://internal.example/x', 'org-AbC123xyz']) {
      for (let before = 440; before <= 510; before++) {
        const shown = redactMessage(`${'word '.repeat(200).slice(0, before - 1)} ${secret} and so on`)
        expect(shown.length).toBeLessThanOrEqual(500 + '[redacted]'.length)
        expect(shown).not.toMatch(/0123|sk-a|bob|intern|org-A/)
      }
    }
  })

  test('is done in a moment, whatever the text', () => {
    const parts = fc.constantFrom('@', '.', '@.', 'sk-', 'https://', 'a', '-', ' ', '/v0/', 'Bearer ')
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 16_000 }), (part, count) => {
        const startedAtMs = performance.now()
        redactMessage(part.repeat(count))
        expect(performance.now() - startedAtMs).toBeLessThan(500)
      }),
      { numRuns: 60 },
    )
  })
})

describe('the message of a refusal', () => {
  const refusalMessage = async ({ body }: Response) => (await failureOf(new Response(body, { status: 400 }), route)).told.details.message

  test('is taken from the envelope and redacted', async () => {
    expect(await refusalMessage(new Response(envelope('Bad sk-abcdefgh here')))).toBe('Bad [redacted] here')
  })

  test.each([
    ['no JSON', '<html>'],
    ['nothing', ''],
    ['no message', '{"error":{}}'],
    ['a message that is no text', envelope({ a: 1 })],
    ['an error that is a text', '{"error":"x"}'],
    ['null', 'null'],
  ])('is none for %s', async (_, body) => {
    expect(await refusalMessage(new Response(body))).toBeUndefined()
  })

  test('is not read from an answer without end, and no more of that is taken', async () => {
    let given = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        given += 4_096
        if (given > 10_000_000) controller.error(new Error('read on and on'))
        else controller.enqueue(new Uint8Array(4_096).fill(32))
      },
    })
    expect(await refusalMessage(new Response(body))).toBeUndefined()
    expect(given).toBeLessThan(40_000)
  })
})

test.each([
  ['gemini', 'API key not valid. Please pass a valid API key.', 'unauthorized', 502],
  ['gemini', 'API key expired. Please renew the API key.', 'unauthorized', 502],
  ['gemini', 'Please use a valid role: user, model.', 'refused', 400],
  ['openai', 'API key not valid. Please pass a valid API key.', 'refused', 400],
] as const)('a 400 of %s that says "%s" is told as %s, also in an array', async (kind, message, outcome, status) => {
  const error = { error: { code: 400, message } }
  for (const body of [error, [error]]) {
    const failure = await failureOf(Response.json(body, { status: 400 }), routeOf({ kind }))
    expect({ ...failure.facts, told: failure.told.status }).toMatchObject({ outcome, mayMoveOn: outcome === 'unauthorized', told: status })
    expect(failure.told.details.message).toBe(outcome === 'refused' ? message : undefined)
  }
})

describe('what a CLIProxyAPI lacks', () => {
  const proxied = routeOf({ kind: 'cliproxyapi' })
  const facts = async (status: number, message: string, of = proxied) =>
    (await failureOf(new Response(envelope(message), { status }), of)).facts

  test.each([
    [503, 'auth_unavailable: no auth available', 'unauthorized'],
    [503, 'auth_not_found: no auth candidates', 'unauthorized'],
    [400, 'unknown provider for model m', 'failed'],
  ])('with %i is no fault of the request, so another route is asked: %s', async (status, message, outcome) => {
    expect(await facts(status, message)).toMatchObject({ outcome, mayMoveOn: true })
  })

  test.each([
    [503, 'overloaded; auth_unavailable: x', proxied, 'overloaded'],
    [400, 'messages: unknown provider for model m', proxied, 'refused'],
    [400, 'unknown provider for model m', route, 'refused'],
    [503, 'auth_unavailable: x', route, 'overloaded'],
  ])('is not believed of a provider behind it or of another kind: %i %s', async (status, message, of, outcome) => {
    expect(await facts(status, message, of)).toMatchObject({ outcome })
  })
})
