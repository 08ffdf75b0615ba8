import { describe, expect, test } from 'vitest'
import type { Expectation } from './behaviour-table.ts'
import { readBooks } from './books.ts'
import { modelOf } from './catalogue.ts'
import { dataOf, promptOf } from './conversation.ts'
import { newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { expectations, type Shape } from './gemini-table.ts'
import { expectSoundBooks, recordOf } from './invariants.ts'
import { askUpstream } from './truth.ts'

const methods: Record<Shape, string> = {
  body: 'generateContent',
  events: 'streamGenerateContent?alt=sse',
  array: 'streamGenerateContent',
}
const contentTypes: Record<Shape, string> = { body: 'application/json', events: 'text/event-stream', array: 'application/json' }

for (const shape of ['body', 'events', 'array'] as const) {
  describe.concurrent(`Gemini's answer as ${shape}`, () => {
    for (const each of expectations[shape]) {
      test(`${each.behaviour}: ${each.status} ${each.code ?? each.ending}, charged ${each.charge}`, async () => {
        const customer = await newCustomer()
        const body = { contents: [{ role: 'user', parts: [{ text: promptOf() }] }], generationConfig: { maxOutputTokens: 256 } }
        const path = `/v1beta/models/${modelOf(each.behaviour, 'gemini')}:${methods[shape]}`
        const response = await customer.send(path, { method: 'POST', body: JSON.stringify(body) })
        const bytes = Buffer.from(await response.arrayBuffer())
        expect(response.status, bytes.toString().slice(0, 500)).toBe(each.status)
        for (const name of ['set-cookie', 'server', 'server-timing', 'alt-svc', 'x-gemini-service-tier']) {
          expect(response.headers.get(name), name).toBeNull()
        }
        if (each.status === 200) {
          expect(response.headers.get('content-type')).toBe(contentTypes[shape])
          if (each.ending === 'error') expectError(bytes.toString(), shape)
          else await expectSameBytes(bytes, body, `/gemini/v1beta/models/scripted-${each.behaviour}:${methods[shape]}`)
        } else expectRefusal(response, bytes.toString(), each)
        await expectEventually(async () => (await readBooks(customer.organizationId)).records.length, 1, 20_000)
        const record = recordOf(await expectSoundBooks(customer), response.headers.get('x-request-id'))
        expect({ estimated: record.estimated, isFree: record.costNanos === 0 }).toEqual({
          estimated: each.charge === 'estimated',
          isFree: each.charge === 'zero',
        })
      })
    }
  }, 90_000)
}

/** In the words of Google's APIs, and without a word of the account behind it. */
function expectRefusal(response: Response, text: string, { status, code }: Expectation): void {
  expect(JSON.parse(text)).toMatchObject({
    error: { code: status, message: expect.any(String), status: expect.stringMatching(/^[A-Z_]+$/) },
  })
  expect(response.headers.get('x-relay-error')).toBe(code)
  expect(text).not.toMatch(/sk-scripted|123456789012/)
}

/** The last that a client reads is an error, and no chunk before it said that the answer was over. */
function expectError(text: string, shape: Shape): void {
  const last: unknown = shape === 'array' ? JSON.parse(text).at(-1) : JSON.parse(dataOf(text).at(-1) ?? '')
  expect(last).toMatchObject({ error: { message: expect.any(String), status: 'INTERNAL' } })
  expect(text).not.toContain('finishReason')
}

/** Compares with what the upstream sends when it is asked directly: but for ids, all of it. */
async function expectSameBytes(bytes: Buffer, body: object, path: string): Promise<void> {
  const answer = Buffer.from(await (await askUpstream(body, path)).arrayBuffer())
  expect(withoutIds(bytes) === withoutIds(answer), `${bytes.length} bytes received of ${answer.length}`).toBe(true)
}

function withoutIds(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/"responseId":"\w+"/g, '"responseId":""')
}
