import { expect, test } from 'vitest'
import { rowsThatHold } from './books.ts'
import { chunksOf } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectSoundBooks } from './invariants.ts'
import { type MarkedRequest, markedBase64, markedChats, markedMedia, markedRefusals } from './marked-requests.ts'
import { expectNothingKept } from './nothing-kept.ts'

/** Enough to be seen in any log line or row that would keep a part of an answer. */
const marksEach = 2

test('no prompt, answer, file or key is in any table, log, queue, object or Redis key, whatever the endpoint', async () => {
  const customer = await newCustomer({ creditNanos: 1_000_000_000_000 })
  const conversed = await askAll(customer, markedChats())
  const made = await askAll(customer, markedMedia())
  const refusals = markedRefusals()
  const refused = await askAll(
    customer,
    refusals.map(({ request }) => request),
  )
  expect(refused.map(({ status }) => status)).toEqual(refusals.map(({ status }) => status))
  // What was to be answered was, or broke on the way: nothing was refused but by `error-400`, whole and streamed.
  expect(refusedOf(conversed)).toEqual(
    Array.from({ length: 9 }, () => expect.stringMatching(/context length|too long|exceeds the maximum/)),
  )
  expect(refusedOf(made)).toEqual([])
  const marks = [...conversed, ...made].map(({ text }) => marksIn(text).slice(0, marksEach))
  // Of most that were answered there is something to look for; audio as bytes, flags and counts have no texts.
  expect(marks.filter(({ length }) => length > 0).length).toBeGreaterThan(40)
  await expectSoundBooks(customer)
  await expectNothingKept([...new Set(marks.flat()), markedBase64, customer.apiKey, 'sk-scripted-upstream'])
}, 180_000)

test('the search finds what is there', async () => {
  const customer = await newCustomer()
  const tables = (await rowsThatHold(customer.keyId)).map(({ table, rows }) => `${table} ${rows}`)
  expect(tables.sort()).toEqual(['public.api_keys 1', 'public.customer_events 1'])
  await expect(expectNothingKept([customer.organizationId])).rejects.toThrow(/tables that hold/)
})

/** A few at a time, as the platform would spread them over isolates. */
async function askAll(customer: Customer, requests: MarkedRequest[]): Promise<{ status: number; text: string }[]> {
  const answers: { status: number; text: string }[] = []
  for (let from = 0; from < requests.length; from += 8) {
    const asked = requests.slice(from, from + 8).map(async (request) => {
      const answer = await request(customer)
      // A transcript or an image that breaks off is cut without an end.
      return { status: answer.status, text: await answer.text().catch(() => '') }
    })
    answers.push(...(await Promise.all(asked)))
  }
  return answers
}

function refusedOf(answers: { status: number; text: string }[]): string[] {
  return answers.filter(({ status }) => status >= 400 && status < 429).map(({ text }) => text)
}

/** What stands in this answer only: its long words, its name at the provider, the beginning of a picture or a sound, the digits of a number. */
function marksIn(text: string): string[] {
  const contents = /^(event|data|:)/.test(text) ? chunksOf(text).map((chunk) => JSON.stringify(chunk)) : [text]
  const found = contents.join(' ').match(/\b[a-z]{40,}\b|[A-Za-z0-9+/]{100,}|-?0\.\d{10,}|\bresp_\w{16,}/g) ?? []
  return found.map((mark) => mark.slice(0, 80))
}
