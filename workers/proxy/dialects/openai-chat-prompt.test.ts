import { expect, test } from 'vitest'
import { countPromptTokens } from '#workers/dev/upstream/text.ts'
import { countTokens } from '../admission/count-tokens.ts'
import { readChatCall } from './openai-chat.ts'
import { promptOf } from './openai-chat-prompt.ts'

const messages = [{ role: 'user', content: 'hi' }]

function promptOfBody(body: object | string) {
  const text = typeof body === 'string' ? body : JSON.stringify({ model: 'm', messages, ...body })
  return promptOf(readChatCall({ bytes: new TextEncoder().encode(text) }).body)
}

async function tokensOf(body: object): Promise<number> {
  return (await countTokens(promptOfBody(body), 'o200k_base', Number.POSITIVE_INFINITY)) ?? 0
}

const textTokens = async (text: string) => (await countTokens({ texts: [text], frames: 0 }, 'o200k_base', 1e9)) ?? 0

test('texts are counted as they read, not as JSON writes them', async () => {
  // Written with escapes it is one token a line less: `\reason` begins like a word that the tokenizer knows.
  const content = '\reason'.repeat(200)
  expect(await tokensOf({ messages: [{ role: 'user', content }] })).toBeGreaterThan(await textTokens(content))
})

test('messages count more than OpenAI frames them with: 3 tokens each, 1 for a name, 3 for the answer', async () => {
  const many = Array.from({ length: 50 }, (_, index) => ({ role: 'user', name: 'ann', content: `hi ${index}` }))
  const spoken = await Promise.all(many.map(({ content }) => textTokens(content)))
  const inside = spoken.reduce((sum, tokens) => sum + tokens, 0) + many.length * 2
  expect(await tokensOf({ messages: many })).toBeGreaterThanOrEqual(inside + many.length * (3 + 1) + 3)
})

/** OpenAI's own account of tools: 7 for each, 3 for properties, 3 for each property, 3 for each value of an enum, 12 in the end. */
test.each([0, 1, 2, 40])('tools count more than OpenAI renders them with: %i values of an enum', async (size) => {
  for (const copies of [1, 20]) {
    const unit = { type: 'string', description: 'of measure', enum: Array.from({ length: size }, (_, index) => `u${index}`) }
    const parameters = { type: 'object', properties: size === 0 ? {} : { unit } }
    const tool = { type: 'function', function: { name: 'f', description: 'd', ...(size === 0 ? {} : { parameters }) } }
    const values = await Promise.all(unit.enum.map(textTokens))
    const property =
      size === 0 ? 0 : 3 + 3 + (await textTokens('unit:string:of measure')) + values.reduce((sum, value) => sum + value + 3, 0)
    const rendered = copies * (7 + (await textTokens('f:d')) + property) + 12
    expect(await tokensOf({ tools: Array.from({ length: copies }, () => tool) })).toBeGreaterThanOrEqual(rendered + 3 + 3 + 2)
  }
})

test('each line of a description stands behind the mark of a comment', async () => {
  const description = 'first\n\n\n\n\n\n\n\nlast'
  const tool = { type: 'function', function: { name: 'f', description } }
  expect(promptOfBody({ tools: [tool] }).texts).toContain(description.replaceAll('\n', '\n// '))
})

test('numbers, schemas and whatever else a client sends are counted', () => {
  const { texts } = promptOfBody({ response_format: { json_schema: { schema: { minimum: 123_456 } } }, unheard_of: [true] })
  for (const text of ['json_schema', 'schema', 'minimum', '123456', 'unheard_of', 'true']) expect(texts).toContain(text)
})

test('an image is left to its own bound, and only where it is one', () => {
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
  const shown = promptOfBody({ messages: [{ role: 'user', content: [{ type: 'text', text: 'look' }, image] }] })
  expect(shown.texts).toContain('look')
  expect(shown.texts).not.toContain(image.image_url.url)
  const hidden = promptOfBody({ tools: [image], messages: [{ role: 'user', content: 'hi', extra: [image] }] })
  expect(hidden.texts.filter((text) => text === image.image_url.url)).toHaveLength(2)
})

test('a request as deep as it is long is read to its end', () => {
  const depth = 100_000
  const tools = `${'['.repeat(depth)}"deep"${']'.repeat(depth)}`
  const prompt = promptOfBody(`{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":${tools}}`)
  expect(prompt.texts).toContain('deep')
  expect(prompt.frames).toBeGreaterThan(depth)
})

test('counts at least what the scripted upstream bills', async () => {
  const parts = [
    { type: 'text', text: 'a b\tc\nd '.repeat(50) },
    { type: 'text', text: '' },
  ]
  for (const content of ['', 'x y z '.repeat(300), '語 言 '.repeat(200), '. '.repeat(500), parts]) {
    const asked = Array.from({ length: 5 }, () => ({ role: 'user', content }))
    expect(await tokensOf({ messages: asked })).toBeGreaterThanOrEqual(countPromptTokens(asked))
  }
})
