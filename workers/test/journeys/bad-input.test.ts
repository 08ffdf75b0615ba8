import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { badInputs, strangeInputs } from './bad-input.ts'
import { readBooks } from './books.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { expectSoundBooks } from './invariants.ts'
import { truthSince } from './truth.ts'

let customer: Customer

beforeAll(async () => {
  customer = await newCustomer()
})

describe.concurrent('refused, in the words of the API', () => {
  for (const { what, body, headers = {}, status, code, param } of badInputs) {
    test(what, async () => {
      const response = await customer.send('/v1/chat/completions', { method: 'POST', body: new Uint8Array(Buffer.from(body)), headers })
      const error = { message: expect.any(String), type: 'invalid_request_error', param: param ?? null, code }
      expect([response.status, await response.json()]).toEqual([status, { error }])
      expect(response.headers.get('x-should-retry')).toBe('false')
      expect(response.headers.get('x-request-id')).toMatch(/^req_/)
    })
  }

  test('a body over the cap whose length is not announced', async () => {
    const piece = new Uint8Array(1_000_000).fill(0x20)
    let left = 21
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => (left-- > 0 ? controller.enqueue(piece) : controller.close()) })
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit // A streamed body needs it; the type does not know it.
    const response = await customer.send('/v1/chat/completions', init)
    expect(response.status).toBe(413)
  })
})

afterAll(async () => {
  const { records, entries, account } = await readBooks(customer.organizationId)
  expect({ records, entries: entries.length, version: account.balanceVersion }).toEqual({ records: [], entries: 1, version: 1 })
  const asked = await truthSince(customer.createdAtMs)
  expect(asked.filter((each) => customer.requestIds.includes(each.relayRequestId ?? ''))).toEqual([])
})

describe.concurrent('passed on for the upstream to judge', () => {
  for (const { what, body, status } of strangeInputs) {
    test(what, async () => {
      const stranger = await newCustomer({ creditNanos: 100_000_000_000 })
      const response = await stranger.send('/v1/chat/completions', { method: 'POST', body })
      expect(response.status, await response.text()).toBe(status)
      const charged = async () => (await readBooks(stranger.organizationId)).records.map((record) => record.costNanos > 0)
      await expectEventually(charged, [status === 200], 10_000)
      await expectSoundBooks(stranger)
    })
  }
}, 60_000)
