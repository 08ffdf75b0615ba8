import { expect, test } from 'vitest'
import { readResponsesCall } from './openai-responses.ts'
import { promptOf } from './openai-responses-prompt.ts'

function promptOfBody(fields: object) {
  return promptOf(readResponsesCall({ bytes: new TextEncoder().encode(JSON.stringify({ model: 'm', input: 'hi', ...fields })) }).body)
}

test('all that a client sends is counted: what is said, instructions, tools and whatever else', () => {
  const tool = { type: 'function', name: 'f', description: 'one\ntwo', parameters: { minimum: 123_456 } }
  const item = { role: 'user', content: [{ type: 'input_text', text: 'look' }] }
  const { texts, frames } = promptOfBody({ instructions: 'be\nkind', tools: [tool], input: [item], text: { format: { name: 'shape' } } })
  for (const text of ['look', 'be\nkind', 'one\n// two', 'minimum', '123456', 'shape']) expect(texts).toContain(text)
  expect(frames).toBeGreaterThan(15)
  expect(promptOfBody({}).texts).toContain('hi')
})

test('an image is left to its own bound, and only where it is one', () => {
  const image = { type: 'input_image', image_url: 'data:image/png;base64,AAAA' }
  const shown = [
    { role: 'user', content: [image] },
    { type: 'function_call_output', call_id: 'c', output: [image] },
  ]
  expect(promptOfBody({ input: shown }).texts).not.toContain(image.image_url)
  const hidden = { type: 'shell_call_output', call_id: 'c', output: [image] }
  expect(promptOfBody({ input: [hidden], metadata: { image } }).texts.filter((text) => text === image.image_url)).toHaveLength(2)
})
