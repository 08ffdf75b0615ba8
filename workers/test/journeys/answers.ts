import { expect } from 'vitest'
import type { Charge, Expectation } from './behaviour-table.ts'
import { readBooks, type UsageRecord } from './books.ts'
import type { Customer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { expectSoundBooks, recordOf } from './invariants.ts'

/** An expectation as the name of a test. */
export function told({ status, code, charge, ending }: Expectation): string {
  const answer = status === 200 ? (ending === 'error' ? 'an error in the stream' : 'the same bytes') : `${status} ${code}`
  return `${answer}, charged ${charge}`
}

/** Whatever its endpoint, an answer has our request id and nothing of the provider's; an error is in OpenAI's words. */
export function expectAnswer(response: Response, bytes: Buffer, { status, code }: Expectation): void {
  expect(response.status, bytes.toString().slice(0, 500)).toBe(status)
  expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/)
  expectNothingToldOfProvider(response, bytes)
  if (status === 200) return
  expect(JSON.parse(bytes.toString())).toEqual({ error: { message: expect.any(String), type: expect.any(String), param: null, code } })
  const isFinal = status === 400
  expect(response.headers.get('x-should-retry')).toBe(isFinal ? 'false' : null)
}

/** Neither a header nor, in what is short enough to look at, the body. */
export function expectNothingToldOfProvider(response: Response, bytes: Buffer): void {
  for (const name of withheld) expect(response.headers.get(name), name).toBeNull()
  if (bytes.length <= 1_000_000) expect(bytes.toString()).not.toMatch(secrets)
}

/** Of an upstream's answer, these may tell a client who the provider is, whose account it is, or set state for our domain. */
const withheld = [
  'set-cookie',
  'server',
  'via',
  'anthropic-organization-id',
  'anthropic-ratelimit-input-tokens-remaining',
  'openai-organization',
  'openai-project',
  'openai-version',
  'openai-processing-ms',
  'cf-ray',
]
const secrets = /sk-scripted|org-scripted|proj_scripted|scripted-cookie/

/** Waits until the books are at rest, and asserts what the customer was charged. */
export async function expectCharge(customer: Customer, response: Response, charge: Charge): Promise<void> {
  await expectEventually(async () => (await readBooks(customer.organizationId)).records.length, 1, 20_000)
  const books = await expectSoundBooks(customer)
  const record: UsageRecord = recordOf(books, response.headers.get('x-relay-request-id'))
  expect({ estimated: record.estimated, isFree: record.costNanos === 0 }).toEqual({
    estimated: charge === 'estimated',
    isFree: charge === 'zero',
  })
  expect(books.logs[0]?.status).toBe(response.status)
}
