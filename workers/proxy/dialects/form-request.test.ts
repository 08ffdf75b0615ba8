import { describe, expect, test } from 'vitest'
import { incomingForm } from '../testing/incoming.ts'
import { readFormRequest, upstreamForm } from './form-request.ts'

const kinds = { model: 'text', n: 'number', stream: 'boolean' } as const
const sound = new File([new Uint8Array([0, 255, 13, 10, 45, 45])], 'grün "1".mp3', { type: 'audio/mpeg' })

async function read(...entries: [string, string | File][]) {
  return readFormRequest(await incomingForm(entries), kinds)
}

async function sent(form: FormData): Promise<[string, unknown][]> {
  const entries = [...(await new Response(form).formData())]
  return Promise.all(
    entries.map(async ([name, value]) => {
      if (typeof value === 'string') return [name, value]
      return [name, { name: value.name, type: value.type, bytes: [...new Uint8Array(await value.arrayBuffer())] }]
    }),
  )
}

describe('a form', () => {
  test('goes on with the model renamed and without relay: all else as it was, in its order', async () => {
    const { form, relay } = await read(
      ['image[]', sound],
      ['keywords[]', 'b'],
      ['relay', '{"fallback":false}'],
      ['model', 'm'],
      ['keywords[]', 'a'],
      ['image[]', new File(['x'], 'x')],
      ['svg', ' größe\r\n'],
    )
    expect(relay).toEqual({ fallback: false })
    const file = { name: sound.name, type: 'audio/mpeg', bytes: [0, 255, 13, 10, 45, 45] }
    expect(await sent(upstreamForm(form, 'upstream/größe'))).toEqual([
      ['image[]', file],
      ['keywords[]', 'b'],
      ['model', 'upstream/größe'],
      ['keywords[]', 'a'],
      ['image[]', { name: 'x', type: 'application/octet-stream', bytes: [120] }],
      ['svg', ' größe\r\n'],
    ])
  })

  test('is read as a JSON body would be, and what is not written so stays a text to be refused', async () => {
    expect((await read(['n', '3'], ['stream', 'true'])).fields).toEqual({ model: undefined, n: 3, stream: true })
    expect((await read(['stream', 'false'])).fields.stream).toBe(false)
    for (const n of ['', ' 3', '3.5', '1e1', '0x2', 'Infinity', '99999999999']) expect((await read(['n', n])).fields.n).toBe(n)
    for (const stream of ['', 'True', '1', 'yes']) expect((await read(['stream', stream])).fields.stream).toBe(stream)
  })

  test('tells the bytes of its texts and names, and its files whatever their names', async () => {
    const { textBytes, files } = await read(['a', 'ü'], ['ö', sound], ['b', sound])
    expect(textBytes).toBe(1 + 2 + 2 + 1)
    expect(files.map(({ size }) => size)).toEqual([6, 6])
  })

  test.each<[string, [string, string | File][], string | undefined]>([
    [
      'a field twice',
      [
        ['n', '1'],
        ['n', '10'],
      ],
      'n',
    ],
    ['a file in place of a text', [['model', sound]], 'model'],
    [
      'relay twice',
      [
        ['relay', '{}'],
        ['relay', '{}'],
      ],
      'relay',
    ],
    ['a wish that relay does not know', [['relay', '{"fast":true}']], 'relay.fast'],
    ['a provider that it does not know how to wish for', [['relay', '{"providers":{"best":[]}}']], 'relay.providers.best'],
    ['a wish with a long name', [['relay', `{"${'x'.repeat(1_000)}":true}`]], `relay.${'x'.repeat(250)}`],
    ['too many fields', Array.from({ length: 257 }, (_, index) => [`f${index}`, '']), undefined],
    ['too many files', Array.from({ length: 19 }, () => ['image[]', sound]), undefined],
  ])('with %s is refused', async (_, entries, param) => {
    await expect(read(...entries)).rejects.toMatchObject({ status: 400, details: { param } })
  })

  test('with a relay that is no JSON is refused', async () => {
    await expect(read(['relay', '{'])).rejects.toMatchObject({ code: 'invalid_json' })
  })

  test.each([
    ['without its boundary', 'multipart/form-data', '--x\r\n'],
    ['with another boundary', 'multipart/form-data; boundary=y', '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'],
    ['cut off', 'multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nb'],
    ['of nothing', 'multipart/form-data; boundary=x', ''],
  ])('%s is refused', async (_, type, text) => {
    const incoming = { ...(await incomingForm([])), headers: new Headers({ 'content-type': type }), bytes: new TextEncoder().encode(text) }
    await expect(readFormRequest(incoming, kinds)).rejects.toMatchObject({ status: 400, code: 'invalid_request' })
  })
})
