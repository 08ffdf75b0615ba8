import { expect, test } from 'vitest'
import { rowsThatHold } from './books.ts'
import { canary, chunksOf, streamBody } from './conversation.ts'
import { newCustomer } from './customers.ts'
import { expectSoundBooks } from './invariants.ts'
import { expectNothingKept } from './nothing-kept.ts'

/** Stretches the words of an answer, so that a word of it stands in no other text. */
const stretched = '[tokens=8][bytes=400]'

test('no prompt, answer or key is in any table, log, queue, object or Redis key', async () => {
  const customer = await newCustomer()
  const answers = [
    await customer.chat('fast', { text: stretched }),
    await customer.chatStream('fast', { text: stretched }),
    await customer.chatStream('no-usage', { text: stretched, includeUsage: true }),
    await customer.chatStream('break', { text: stretched }),
    await customer.chat('error-400', { text: stretched }),
    await customer.chat('error-401', { text: stretched }),
    await customer.chat('fast', { text: stretched, extra: { temperature: canary, user: canary, metadata: { note: canary } } }),
    await customer.send('/v1/chat/completions/more', { method: 'POST', body: canary }),
    await customer.send('/v1/chat/completions', { method: 'POST', body: `{"model":"${canary}` }),
    await customer.post({ ...streamBody('fast'), model: canary }),
  ]
  const texts = await Promise.all(answers.map((answer) => answer.text()))
  const words = texts.flatMap(wordsOf)
  expect(words.length).toBeGreaterThan(15)
  await expectSoundBooks(customer)
  await expectNothingKept([...new Set(words), customer.apiKey, 'sk-scripted-upstream'])
}, 60_000)

test('the search finds what is there', async () => {
  const customer = await newCustomer()
  await expect(rowsThatHold(customer.keyId)).resolves.toEqual([{ table: 'public.api_keys', rows: 1 }])
  await expect(expectNothingKept([customer.organizationId])).rejects.toThrow(/tables that hold/)
})

/** Long words of an answer, whole or streamed. */
function wordsOf(text: string): string[] {
  const contents = text.startsWith('data:') ? chunksOf(text).map((chunk) => JSON.stringify(chunk)) : [text]
  return contents.join(' ').match(/\b[a-z]{40,}\b/g) ?? []
}
