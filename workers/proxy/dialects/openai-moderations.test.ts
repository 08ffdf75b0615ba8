import { expect, test } from 'vitest'
import { incomingJson, refusalOf } from '../testing/incoming.ts'
import { emptyReading } from './dialect.ts'
import { openaiModerations } from './openai-moderations.ts'

test('a moderation uses nothing that is billed, and goes on as it was written', async () => {
  const call = await openaiModerations.read(incomingJson('{"model":"m","input":[{"type":"image_url","image_url":{"url":"x"}}],"relay":{}}'))
  expect(call).toMatchObject({ toldUsage: {}, inputTokensBound: 0, maxOutputTokens: 0, extras: {}, requires: [] })
  expect(openaiModerations.ask(call, 'u').body).toBe('{"model":"u","input":[{"type":"image_url","image_url":{"url":"x"}}]}')
})

test('a model must be named: a relay has none of its own choice', async () => {
  expect(await refusalOf(openaiModerations, incomingJson({ input: 'x' }))).toMatchObject({ status: 400, details: { param: 'model' } })
})

test.each([
  [{ results: [{ flagged: false }] }, { deliveredBytes: 1, finishReason: 'stop', failed: false }],
  [{ results: [] }, { deliveredBytes: 0, finishReason: null, failed: false }],
  [{ error: { message: 'x' } }, { deliveredBytes: 0, failed: true }],
])('an answer of %j tells %j', (answer, told) => {
  const reading = emptyReading()
  openaiModerations.observe(reading, answer)
  expect(reading).toMatchObject(told)
})
