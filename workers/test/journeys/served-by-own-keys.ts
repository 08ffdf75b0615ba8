import { expect } from 'vitest'
import { RequestStatus } from '#shared/contracts/request-status.ts'
import { readBooks } from './books.ts'
import { modelOf } from './catalogue.ts'
import { chatBody, messageBody, promptOf, streamBody } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { expectSoundBooks } from './invariants.ts'
import { askedWith, bring, newOwnKey } from './own-keys.ts'

const tags = '[tokens=17]'

/**
 * A customer without any credit brings a key for each provider; the provider's official client asks whole and streamed. Asserts that these keys served it,
 * that the relay charged nothing, and what it tells of it.
 */
export async function expectOfficialClientsServed(): Promise<void> {
  const customer = await newCustomer({ creditNanos: 0 })
  const credentials = new Map<string, { key: string; credentialId: string }>()
  for (const provider of ['openai', 'anthropic', 'gemini']) {
    const key = newOwnKey()
    credentials.set(provider, { key, credentialId: await bring(customer, key, '--provider', provider) })
  }
  const toldIds = [await askOpenAi(customer), await askAnthropic(customer)]
  await askGoogle(customer)
  expect(toldIds).toEqual([credentials.get('openai')?.credentialId, credentials.get('anthropic')?.credentialId])
  await expectEventually(async () => (await readBooks(customer.organizationId)).records.length, 6, 20_000)
  const { account, entries, records } = await expectSoundBooks(customer)
  expect([account.balanceNanos, entries.filter(({ amountNanos }) => amountNanos !== 0)]).toEqual([0, []])
  for (const { key, credentialId } of credentials.values()) {
    const asked = await askedWith(key)
    expect(asked.map(({ keyOwner, status, stream }) => ({ keyOwner, status, stream }))).toEqual(
      [false, true].map((stream) => ({ keyOwner: 'customer', status: 200, stream })),
    )
    for (const { relayRequestId } of asked) {
      const record = records.find(({ requestId }) => requestId === relayRequestId)
      expect(record).toMatchObject({ credentialId, costNanos: 0, outputTokens: 17, inputTokens: expect.any(Number), estimated: false })
      const status = RequestStatus.parse(await (await customer.send(`/v1/requests/${relayRequestId}`)).json())
      expect(status).toMatchObject({ byok: true, credentialId, cost: { nanos: 0 }, usage: { outputTokens: 17 } })
    }
  }
}

/** Each answers which credential the client was told of. */
async function askOpenAi(customer: Customer): Promise<string | null> {
  const client = customer.openai()
  const { data, response } = await client.chat.completions.create(chatBody('fast', { text: tags })).withResponse()
  expect(data.usage?.completion_tokens).toBe(17)
  expect(response.headers.get('x-relay-cost-usd')).toBe('0.00')
  let text = ''
  for await (const chunk of await client.chat.completions.create(streamBody('fast', { text: tags }))) {
    text += chunk.choices[0]?.delta.content ?? ''
  }
  expect(text.split(' ')).toHaveLength(17)
  return response.headers.get('x-relay-credential')
}

async function askAnthropic(customer: Customer): Promise<string | null> {
  const client = customer.anthropic()
  const { data, response } = await client.messages.create(messageBody('fast', { text: tags })).withResponse()
  expect(data.usage.output_tokens).toBe(17)
  const message = await client.messages.stream(messageBody('fast', { text: tags })).finalMessage()
  expect(message.usage.output_tokens).toBe(17)
  return response.headers.get('x-relay-credential')
}

async function askGoogle(customer: Customer): Promise<void> {
  const client = customer.google()
  const model = modelOf('fast', 'gemini')
  const answer = await client.models.generateContent({ model, contents: promptOf(tags) })
  expect(answer.usageMetadata?.candidatesTokenCount).toBe(17)
  let text = ''
  for await (const chunk of await client.models.generateContentStream({ model, contents: promptOf(tags) })) text += chunk.text ?? ''
  expect(text.split(' ')).toHaveLength(17)
}
