import { expect, test } from 'vitest'
import { packUsageMessage, unpackUsageMessage } from './usage-message.ts'

test('a message says again what was packed, in any script', async () => {
  const events = ['{"a":1}', JSON.stringify({ name: '語🚀"\\' })]
  const message = await packUsageMessage('org_"quoted"', events)
  expect(await unpackUsageMessage(message)).toEqual({ organizationId: 'org_"quoted"', events: events.map((text) => JSON.parse(text)) })
  expect(await unpackUsageMessage(message.slice().buffer)).toEqual(await unpackUsageMessage(message))
})

for (const [what, message] of [
  ['a text', '{"organizationId":"org_1","events":[]}'],
  ['nothing', null],
  ['bytes that are not gzip', new TextEncoder().encode('{"organizationId":"org_1","events":[]}')],
  ['no bytes', new Uint8Array()],
] as const) {
  test(`${what} is no message`, async () => {
    expect(await unpackUsageMessage(message)).toBeUndefined()
  })
}

test('a message cut short, or of something other than JSON, is no message', async () => {
  const message = await packUsageMessage('org_1', ['{"a":1}'])
  expect(await unpackUsageMessage(message.subarray(0, message.length - 9))).toBeUndefined()
  expect(await unpackUsageMessage(await packUsageMessage('org_1', ['{"a":']))).toBeUndefined()
})
