import { ApiError, FunctionCallingConfigMode, GoogleGenAI, Type } from '@google/genai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '../server.ts'
import { endedRecord, testKey } from '../test-client.ts'
import { generatePath, sendGemini, userText } from './gemini-client.ts'

let upstream: Upstream
let client: GoogleGenAI

const model = 'scripted-fast'

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
  client = new GoogleGenAI({ apiKey: testKey, httpOptions: { baseUrl: `${upstream.url}/gemini`, retryOptions: { attempts: 1 } } })
})
afterAll(() => upstream.close())

describe('the official client', () => {
  test('gets an answer whose usage is what was asked for', async () => {
    const answer = await client.models.generateContent({ model, contents: 'one two [tokens=100] [cached=4] [reasoning=5]' })
    expect(answer.text?.split(' ')).toHaveLength(100)
    expect(answer.candidates?.[0]?.finishReason).toBe('STOP')
    expect(answer).toMatchObject({ modelVersion: model, responseId: expect.any(String) })
    expect(answer.usageMetadata).toMatchObject({
      promptTokenCount: 8,
      cachedContentTokenCount: 4,
      candidatesTokenCount: 100,
      thoughtsTokenCount: 5,
      totalTokenCount: 113,
    })
  })

  test('streams the same text, and the last chunk has the usage of the whole', async () => {
    const contents = 'same text [tokens=20]'
    const whole = await client.models.generateContent({ model, contents })
    const texts: string[] = []
    let usage: unknown
    for await (const chunk of await client.models.generateContentStream({ model, contents })) {
      texts.push(chunk.text ?? '')
      usage = chunk.usageMetadata
    }
    expect(texts).toHaveLength(21)
    expect(texts.join('')).toBe(whole.text)
    expect(usage).toEqual(whole.usageMetadata)
  })

  test('is cut where thoughts and words together reach the limit', async () => {
    const answer = await client.models.generateContent({ model, contents: '[tokens=50] [reasoning=4]', config: { maxOutputTokens: 7 } })
    expect(answer.usageMetadata).toMatchObject({ candidatesTokenCount: 3, thoughtsTokenCount: 4 })
    expect(answer.candidates?.[0]?.finishReason).toBe('MAX_TOKENS')
  })

  test('gets several candidates, all counted', async () => {
    const answer = await client.models.generateContent({ model, contents: '[tokens=5]', config: { candidateCount: 3 } })
    expect(new Set(answer.candidates?.map((candidate) => candidate.content?.parts?.[0]?.text)).size).toBe(3)
    expect(answer.usageMetadata?.candidatesTokenCount).toBe(15)
  })

  test('sees thoughts only where it asks for them, and pays for them anyway', async () => {
    const ask = async (thinkingConfig: { includeThoughts?: boolean; thinkingBudget?: number }): Promise<[boolean, number | undefined]> => {
      const { candidates, usageMetadata } = await client.models.generateContent({
        model,
        contents: '[tokens=3] [reasoning=9]',
        config: { thinkingConfig },
      })
      return [candidates?.[0]?.content?.parts?.some((part) => part.thought) ?? false, usageMetadata?.thoughtsTokenCount]
    }
    expect(await ask({ includeThoughts: true })).toEqual([true, 9])
    expect(await ask({})).toEqual([false, 9])
    expect(await ask({ thinkingBudget: 0 })).toEqual([false, undefined])
    const stream = await client.models.generateContentStream({
      model,
      contents: '[tokens=3] [reasoning=9]',
      config: { thinkingConfig: { includeThoughts: true } },
    })
    const first = (await stream.next()).value
    expect(first?.candidates?.[0]?.content?.parts?.[0]?.thought).toBe(true)
    expect(first?.usageMetadata?.thoughtsTokenCount).toBe(9)
  })

  const parameters = { type: Type.OBJECT, properties: { place: { type: Type.STRING }, days: { type: Type.INTEGER } }, required: ['place'] }
  const tools = [{ functionDeclarations: [{ name: 'other' }, { name: 'look_up', parameters }] }]

  test('gets a call that satisfies its schema, the same in a stream', async () => {
    const functionCallingConfig = { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ['look_up'] }
    const request = { model, contents: 'weather [tokens=6] [reasoning=2]', config: { tools, toolConfig: { functionCallingConfig } } }
    const answer = await client.models.generateContent(request)
    expect(answer.functionCalls).toEqual([{ id: expect.any(String), name: 'look_up', args: { place: expect.any(String), days: 7 } }])
    expect(answer.candidates?.[0]?.content?.parts?.[0]?.thoughtSignature).toBeDefined()
    const streamed: unknown[] = []
    for await (const chunk of await client.models.generateContentStream(request)) streamed.push(...(chunk.functionCalls ?? []))
    expect(streamed).toEqual(answer.functionCalls)
  })

  test('gets a call by tag, and none where calls are forbidden', async () => {
    const ask = async (mode: FunctionCallingConfigMode): Promise<string | undefined> => {
      const config = { tools, toolConfig: { functionCallingConfig: { mode } } }
      return (await client.models.generateContent({ model, contents: 'x [tool]', config })).functionCalls?.[0]?.name
    }
    expect(await ask(FunctionCallingConfigMode.AUTO)).toBe('other')
    expect(await ask(FunctionCallingConfigMode.NONE)).toBeUndefined()
  })

  test.each([
    ['responseSchema', { type: Type.OBJECT, properties: { answer: { type: Type.STRING }, sure: { type: Type.BOOLEAN } } }],
    ['responseJsonSchema', { type: 'object', properties: { answer: { type: 'string' }, sure: { type: 'boolean' } } }],
  ])('gets JSON that satisfies its %s', async (field, schema) => {
    const config = { responseMimeType: 'application/json', [field]: schema }
    const answer = await client.models.generateContent({ model, contents: 'x [tokens=9]', config })
    expect(JSON.parse(answer.text ?? '')).toEqual({ answer: expect.any(String), sure: true })
    expect(answer.usageMetadata?.candidatesTokenCount).toBe(9)
  })

  test('has its files counted by their kind', async () => {
    const file = (mimeType: string): { inlineData: { mimeType: string; data: string } } => ({ inlineData: { mimeType, data: 'AAAA' } })
    const contents = [{ role: 'user', parts: [{ text: 'see [tokens=1]' }, file('image/png'), file('audio/wav')] }]
    const { usageMetadata } = await client.models.generateContent({ model, contents, config: { systemInstruction: 'be kind' } })
    expect(usageMetadata?.promptTokenCount).toBe(26)
    expect(usageMetadata?.promptTokensDetails).toEqual([
      { modality: 'TEXT', tokenCount: 10 },
      { modality: 'IMAGE', tokenCount: 8 },
      { modality: 'AUDIO', tokenCount: 8 },
    ])
  })

  test('counts tokens as a generation would', async () => {
    const contents = 'one two three'
    const { totalTokens } = await client.models.countTokens({ model, contents })
    const { usageMetadata } = await client.models.generateContent({ model, contents })
    expect(totalTokens).toBe(usageMetadata?.promptTokenCount)
  })

  test('gets embeddings, one for each content, by the method for batches', async () => {
    const request = { model: 'scripted-embedding', contents: ['one two', 'three'], config: { outputDimensionality: 8 } }
    const { embeddings } = await client.models.embedContent(request)
    expect(embeddings?.map(({ values }) => values?.length)).toEqual([8, 8])
    expect(Math.hypot(...(embeddings?.[0]?.values ?? []))).toBeCloseTo(1, 5)
    const [record] = upstream.records({ model: 'scripted-embedding' }).slice(-1)
    expect(record).toMatchObject({ path: expect.stringContaining(':batchEmbedContents'), promptTokens: 3, completionTokensGenerated: 0 })
    expect(record?.usageReported).toMatchObject({ promptTokenCount: 3 })
  })

  test('lists models and finds one', async () => {
    const names: (string | undefined)[] = []
    for await (const found of await client.models.list()) names.push(found.name)
    expect(names).toContain('models/scripted-fast')
    expect((await client.models.get({ model: 'scripted-paced-50' })).name).toBe('models/scripted-paced-50')
    await expect(client.models.get({ model: 'gemini-x' })).rejects.toMatchObject({ status: 404 })
  })

  test.each([
    ['scripted-error-400', 400],
    ['scripted-error-401', 401],
    ['scripted-error-403', 403],
    ['scripted-nothing', 404],
    ['scripted-rate-limited', 429],
    ['scripted-error-500', 500],
    ['scripted-error-503', 503],
  ])('sees the status of %s', async (name, status) => {
    const failure = await client.models.generateContent({ model: name, contents: 'hi' }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ApiError)
    expect(failure).toMatchObject({ status })
    await expect(client.models.generateContentStream({ model: name, contents: 'hi' })).rejects.toMatchObject({ status })
  })

  test('sees an error in mid-stream', async () => {
    const stream = await client.models.generateContentStream({ model: 'scripted-error-mid', contents: 'hi' })
    const read = async (): Promise<void> => {
      for await (const chunk of stream) expect(chunk.candidates).toBeDefined()
    }
    await expect(read()).rejects.toMatchObject({ status: 500 })
  })
})

test('one content is embedded by its own method', async () => {
  const path = '/gemini/v1beta/models/scripted-embedding:embedContent'
  const { text } = await sendGemini(upstream.url, { path, body: { content: { parts: [{ text: 'one two' }] } } })
  expect(JSON.parse(text)).toMatchObject({ embedding: { values: { length: 3_072 } }, usageMetadata: { promptTokenCount: 2 } })
})

test('the ground truth matches what was answered and holds neither text nor key', async () => {
  const body = userText('a secret canary [tokens=10][cached=2][reasoning=3]')
  const request = { path: generatePath(model, 'sse'), body, headers: { 'x-request-id': 'truth-1' } }
  const { text } = await sendGemini(upstream.url, request)
  const record = await endedRecord(upstream, 'truth-1')
  expect(record).toMatchObject({ model, behaviour: 'fast', stream: true, status: 200, outcome: 'completed', leaks: [] })
  expect(record).toMatchObject({ promptTokens: 7, cachedTokens: 2, completionTokensGenerated: 13, completionTokensSent: 10 })
  expect(text).toContain(JSON.stringify(record.usageReported))
  expect(record.bodyBytes).toBe(Buffer.byteLength(JSON.stringify(body)))
  expect(record.headers.authorization).toBe('right')
  expect(JSON.stringify(record)).not.toMatch(/canary|sk-scripted/)
})

test('the answer is a pure function of model, contents and limits', async () => {
  const ask = async (contents: string, config = {}): Promise<string | undefined> =>
    (await client.models.generateContent({ model, contents, config })).text
  const first = await ask('same')
  expect(await ask('same', { temperature: 2, labels: { a: 'b' } })).toBe(first)
  expect(await ask('other')).not.toBe(first)
  expect(await ask('same', { maxOutputTokens: 32 })).not.toBe(first)
})
