import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { ApiError, type FunctionDeclaration, GoogleGenAI, Type } from '@google/genai'
import { embed, generateText, streamText } from 'ai'
import { describe, expect, inject, test } from 'vitest'
import { type Books, readBooks } from './books.ts'
import { modelOf } from './catalogue.ts'
import { promptOf } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { expectSoundBooks } from './invariants.ts'

const model = 'gemini-relay-fast'
const embeddingModel = 'gemini-relay-embedding'
const lookUp: FunctionDeclaration = { name: 'look_up', parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } } } }

/** The client fetches by itself, so the books are waited for until all its requests stand in them. */
async function booksOf(customer: Customer, requests: number): Promise<Books> {
  await expectEventually(async () => (await readBooks(customer.organizationId)).records.length, requests, 20_000)
  return expectSoundBooks(customer)
}

async function failureOf(call: Promise<unknown>): Promise<ApiError> {
  const failure: unknown = await call.catch((error: unknown) => error)
  if (failure instanceof ApiError) return failure
  throw new Error(`The call did not fail as the client's errors do: ${String(failure)}`)
}

describe.concurrent("with Google's own client", () => {
  test('an answer is charged to the nano by what the upstream reported, thoughts and cache included', async () => {
    const customer = await newCustomer()
    const config = { thinkingConfig: { includeThoughts: true } }
    const contents = promptOf('[tokens=40][cached=3][reasoning=7]')
    const answer = await customer.google().models.generateContent({ model, contents, config })
    expect(answer.text?.split(' ')).toHaveLength(40)
    expect(answer.candidates?.[0]?.content?.parts?.[0]).toMatchObject({ thought: true })
    expect(answer.usageMetadata).toMatchObject({ candidatesTokenCount: 40, thoughtsTokenCount: 7 })
    const { records, logs } = await booksOf(customer, 1)
    expect(records).toMatchObject([{ outputTokens: 47, cacheReadTokens: 3, reasoningTokens: 7, estimated: false, capped: false }])
    expect(logs).toMatchObject([
      { status: 200, outcome: 'completed', path: '/v1beta/models/{model}:generateContent', provider: 'scripted-gemini' },
    ])
  })

  test('a stream arrives chunk by chunk and is charged by its last report', async () => {
    const customer = await newCustomer()
    const contents = promptOf('[tokens=20]')
    let text = ''
    for await (const chunk of await customer.google().models.generateContentStream({ model: modelOf('paced-5', 'gemini'), contents })) {
      text += chunk.text ?? ''
    }
    expect(text.split(' ')).toHaveLength(20)
    expect((await booksOf(customer, 1)).records).toMatchObject([{ outputTokens: 20, estimated: false }])
  })

  test('a stream that breaks ends in the error of the client', async () => {
    const customer = await newCustomer()
    const read = async () => {
      const stream = await customer.google().models.generateContentStream({ model: modelOf('break', 'gemini'), contents: promptOf() })
      for await (const chunk of stream) expect(chunk.candidates?.[0]?.finishReason).toBeUndefined()
    }
    expect((await failureOf(read())).status).toBe(502)
    expect((await booksOf(customer, 1)).logs).toMatchObject([{ outcome: 'broken' }])
  })

  test('a call of a function is made, answered and charged, with its thought signature', async () => {
    const customer = await newCustomer()
    const config = { tools: [{ functionDeclarations: [lookUp] }] }
    const asked = { role: 'user', parts: [{ text: promptOf('[tool][reasoning=3]') }] }
    const called = await customer.google().models.generateContent({ model, contents: [asked], config })
    const part = called.candidates?.[0]?.content?.parts?.[0]
    expect(part).toMatchObject({
      functionCall: { name: 'look_up', args: { city: expect.any(String) } },
      thoughtSignature: expect.any(String),
    })
    const answered = {
      role: 'user',
      parts: [{ functionResponse: { id: part?.functionCall?.id ?? '', name: 'look_up', response: { temperature: 7 } } }],
    }
    const turn = called.candidates?.[0]?.content ?? {}
    const said = await customer.google().models.generateContent({ model, contents: [asked, turn, answered] })
    expect(said.candidates?.[0]?.finishReason).toBe('STOP')
    expect((await booksOf(customer, 2)).records.every((record) => !record.estimated && record.costNanos > 0)).toBe(true)
  })

  test('tokens are counted for nothing, and vectors are charged by their prompt', async () => {
    const customer = await newCustomer()
    const { models } = customer.google()
    expect((await models.countTokens({ model, contents: promptOf() })).totalTokens).toBeGreaterThan(0)
    const { embeddings } = await models.embedContent({
      model: embeddingModel,
      contents: [promptOf(), promptOf('and more')],
      config: { outputDimensionality: 8 },
    })
    expect(embeddings?.map(({ values }) => values?.length)).toEqual([8, 8])
    const { records } = await booksOf(customer, 2)
    expect(records.map((record) => record.costNanos > 0).toSorted()).toEqual([false, true])
    expect(records.some((record) => record.estimated)).toBe(false)
  })

  test('models are listed and shown', async () => {
    const { models } = (await newCustomer()).google()
    const names: (string | undefined)[] = []
    for await (const each of await models.list()) names.push(each.name)
    expect(names).toContain(`models/${model}`)
    expect(await models.get({ model })).toMatchObject({ name: `models/${model}`, outputTokenLimit: 4_096 })
  })

  test.each([
    ['no credit', 402, 'RESOURCE_EXHAUSTED', { model, contents: 'hi' }],
    ['an unknown model', 404, 'NOT_FOUND', { model: 'gemini-unknown', contents: 'hi' }],
    ['too much output', 400, 'INVALID_ARGUMENT', { model, contents: 'hi', config: { maxOutputTokens: 5_000 } }],
    ['an unsold tool', 400, 'INVALID_ARGUMENT', { model, contents: 'hi', config: { tools: [{ googleSearch: {} }] } }],
    ['a tool of the provider', 400, 'INVALID_ARGUMENT', { model, contents: 'hi', config: { tools: [{ codeExecution: {} }] } }],
    ['a model of another dialect', 400, 'INVALID_ARGUMENT', { model: 'gpt-relay-fast', contents: 'hi' }],
  ])('%s is the error of the client: %i', async (_, status, name, request) => {
    const customer = await newCustomer({ creditNanos: 1 })
    const failure = await failureOf(customer.google().models.generateContent(request))
    expect(failure.status).toBe(status)
    expect(failure.message).toContain(name)
    expect((await readBooks(customer.organizationId)).account.balanceNanos).toBe(1)
  })

  test('a wrong key is the error of the client: 401', async () => {
    const client = new GoogleGenAI({ apiKey: 'rrk_wrong', httpOptions: { baseUrl: inject('stack').proxyUrl } })
    expect((await failureOf(client.models.generateContent({ model, contents: 'hi' }))).status).toBe(401)
  })
}, 90_000)

describe.concurrent('with the AI SDK', () => {
  test('a text, a stream and a vector are made and charged', async () => {
    const customer = await newCustomer()
    const baseURL = `${inject('stack').proxyUrl}/v1beta`
    const google = createGoogleGenerativeAI({ apiKey: customer.apiKey, baseURL, fetch: (url, init) => customer.fetch(url, init) })
    const { text, usage } = await generateText({ model: google(model), prompt: promptOf('[tokens=9]') })
    expect(text.split(' ')).toHaveLength(9)
    expect(usage.outputTokens).toBe(9)
    const streamed = streamText({ model: google(model), prompt: promptOf('[tokens=11]') })
    expect((await streamed.text).split(' ')).toHaveLength(11)
    const { embedding } = await embed({ model: google.textEmbeddingModel(embeddingModel), value: promptOf() })
    expect(embedding.length).toBeGreaterThan(0)
    const { records } = await booksOf(customer, 3)
    expect(records.map((record) => record.outputTokens).toSorted()).toEqual([0, 11, 9])
  })
}, 90_000)

test('a client of the array is told the cost beside the usage, and the array stays one', async () => {
  const customer = await newCustomer()
  const body = { contents: [{ parts: [{ text: promptOf('[tokens=5]') }] }], relay: { usage: true } }
  const response = await customer.send(`/v1beta/models/${model}:streamGenerateContent`, { method: 'POST', body: JSON.stringify(body) })
  const last: unknown = JSON.parse(await response.text()).at(-1)
  const { records } = await booksOf(customer, 1)
  const costUsd = ((records[0]?.costNanos ?? Number.NaN) / 1e9).toFixed(9).replace(/0+$/, '')
  expect(last).toMatchObject({ usageMetadata: { candidatesTokenCount: 5, cost_usd: costUsd } })
}, 60_000)
