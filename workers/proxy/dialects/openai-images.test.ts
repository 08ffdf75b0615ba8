import { describe, expect, test } from 'vitest'
import { imageTokens } from '../limits.ts'
import { incomingForm, incomingJson, refusalOf } from '../testing/incoming.ts'
import { imageEdits, imageGenerations } from './openai-images.ts'

const least = { model: 'm', prompt: 'a fox' }
const picture = new File([new Uint8Array(9_000)], 'fox.png', { type: 'image/png' })
const generate = async (fields: object = {}) => imageGenerations.read(incomingJson({ ...least, ...fields }))
const form = (...entries: [string, string | File][]) => incomingForm([...Object.entries(least), ['image', picture], ...entries])
const edit = async (...entries: [string, string | File][]) => imageEdits.read(await form(...entries))

describe('what images may cost', () => {
  test.each([
    ['one when no number is asked for', {}, 1, 1],
    ['as many as are asked for', { n: 4 }, 4, 4],
    ['those shown on the way as one more', { stream: true, partial_images: 3 }, 1, 2],
    ['nothing for none shown on the way', { stream: true, partial_images: 0 }, 1, 1],
  ])('counts %s', async (_, fields, images, choices) => {
    const bound = { extras: { images }, choices, maxOutputTokens: null }
    expect(await generate(fields)).toMatchObject(bound)
    const entries = Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)])
    expect(await edit(...entries)).toMatchObject(bound)
  })

  test('is bounded by the bytes of what is text, and for each file by the most tokens an image has', async () => {
    const text = await generate()
    expect(text).toMatchObject({ inputTokensBound: text.bodyBytes, uncountedTokens: 0 })
    const call = await edit(['mask', picture], ['image[]', picture])
    expect(call).toMatchObject({ bodyBytes: 'modelmprompta foximagemaskimage[]'.length, uncountedTokens: 3 * imageTokens })
    expect(call.inputTokensBound).toBe(call.bodyBytes + 3 * imageTokens)
  })

  test('is estimated as images, never as the text that they are written as', async () => {
    expect((await generate()).estimate?.({ inputTokens: 3, outputTokens: 1_056 })).toEqual({
      inputTokens: 3,
      outputTokens: 0,
      outputImageTokens: 1_056,
    })
  })
})

describe('a request for images', () => {
  test('goes on as it was written, but for the model and relay', async () => {
    const call = await imageGenerations.read(incomingJson('{"prompt": "x","model":"m","relay":{"usage":true},"size":"auto"}'))
    expect(call.relay).toEqual({ usage: true })
    expect(imageGenerations.ask(call, 'u').body).toBe('{"prompt": "x","model":"u","size":"auto"}')
    const { body } = imageEdits.ask(await edit(['relay', '{"usage":true}'], ['n', '2']), 'u')
    const entries = body instanceof FormData ? [...body] : []
    expect(entries.map(([name, value]) => [name, typeof value === 'string' ? value : value.size])).toEqual([
      ['model', 'u'],
      ['prompt', 'a fox'],
      ['image', 9_000],
      ['n', '2'],
    ])
  })

  test('is answered in events when it asks for a stream', async () => {
    expect([(await generate()).answer, (await generate({ stream: true })).answer]).toEqual(['json', 'events'])
    expect([(await edit()).answer, (await edit(['stream', 'true'])).answer]).toEqual(['json', 'events'])
  })

  test.each([
    ['n', { n: 11 }],
    ['n', { n: 0 }],
    ['n', { n: 1.5 }],
    ['n', { n: 2, stream: true }],
    ['partial_images', { partial_images: 4 }],
    ['stream', { stream: 'yes' }],
    ['output_format', { output_format: 'svg' }],
    ['output_format', { output_format: 'gif' }],
    ['svg', { svg: { model: 'gpt' } }],
    ['prompt', { prompt: '' }],
    ['model', { model: '' }],
  ])('is refused, naming %s, with %j', async (param, fields) => {
    expect(await refusalOf(imageGenerations, incomingJson({ ...least, ...fields }))).toMatchObject({ status: 400, details: { param } })
    const entries = Object.entries({ ...least, ...fields }).map(([name, value]): [string, string] =>
      typeof value === 'object' ? [`${name}[model]`, 'gpt'] : [name, String(value)],
    )
    expect(await refusalOf(imageEdits, await incomingForm(entries))).toMatchObject({ status: 400, details: { param } })
  })
})
