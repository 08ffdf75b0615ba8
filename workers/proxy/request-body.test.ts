import { describe, expect, test } from 'vitest'
import { readRequestBody as readBody } from './request-body.ts'

const maxBodyBytes = 5_000_000
const readRequestBody = (request: Request) => readBody(request, { mediaType: 'application/json', maxBodyBytes })

const json = { 'content-type': 'application/json' }

/** A body that arrives in parts of a megabyte, without a length; counts what was taken of it. */
function endless(parts: number) {
  const taken = { parts: 0 }
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (taken.parts === parts) return controller.close()
      taken.parts += 1
      controller.enqueue(new Uint8Array(1_000_000))
    },
  })
  return { taken, request: new Request('https://relay.example', { method: 'POST', headers: json, body, ...{ duplex: 'half' } }) }
}

function read(body: string | null, headers: Record<string, string>) {
  return readRequestBody(new Request('https://relay.example', { method: 'POST', headers, body }))
}

describe('the body of a request', () => {
  test('is read whole, whatever its parts', async () => {
    expect(new TextDecoder().decode(await read('{"größe":1}', json))).toBe('{"größe":1}')
    expect((await readRequestBody(endless(3).request)).length).toBe(3_000_000)
    expect((await read(null, json)).length).toBe(0)
  })

  test.each(['application/json', 'APPLICATION/JSON', 'application/json; charset=utf-8', ' application/json ;x'])(
    'may be %s',
    async (type) => {
      expect((await read('{}', { 'content-type': type })).length).toBe(2)
    },
  )

  test.each(['text/plain', 'application/jsonx', 'text/json', 'multipart/form-data', '', 'application/x-www-form-urlencoded'])(
    'may not be "%s"',
    async (type) => {
      await expect(read('{}', { 'content-type': type })).rejects.toMatchObject({ code: 'unsupported_media_type' })
    },
  )

  test.each(['gzip', 'br', 'identity', ''])('may not be encoded: "%s"', async (encoding) => {
    await expect(read('{}', { ...json, 'content-encoding': encoding })).rejects.toMatchObject({ status: 415 })
  })

  test('may have its cap and no byte more, also when it does not tell its length', async () => {
    expect((await readRequestBody(endless(maxBodyBytes / 1_000_000).request)).length).toBe(maxBodyBytes)
    const { request, taken } = endless(100)
    await expect(readRequestBody(request)).rejects.toMatchObject({ code: 'request_too_large', status: 413 })
    expect(taken.parts).toBeLessThan(maxBodyBytes / 1_000_000 + 4)
  })

  test('is not read at all when it tells that it is too long', async () => {
    const long = { ...json, 'content-length': String(maxBodyBytes + 1) }
    await expect(read('{}', long)).rejects.toMatchObject({ code: 'request_too_large' })
  })
})
