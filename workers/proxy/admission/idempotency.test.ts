import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { idempotencyOf, readIdempotencyKey } from './idempotency.ts'

const asking = (headers: Record<string, string>) => new Request('https://relay.test/', { headers })
type Asked = [keyId: string, idempotencyKey: string, method: string, path: string, body: string]
const bytes = (text: string) => new TextEncoder().encode(text)

test.each(['a', 'stainless-node-retry-1f0e', ' inner space ~!'.trim(), 'x'.repeat(255)])('%j is an idempotency key', (value) => {
  expect(readIdempotencyKey(asking({ 'Idempotency-Key': value }))).toBe(value)
})

test('a request that brings none has none', () => {
  expect(readIdempotencyKey(asking({ 'x-idempotency-key': 'a' }))).toBeNull()
})

test.each(['', '   ', 'x'.repeat(256), 'tab\there', 'größe', '\u0080'])('%j is refused', (value) => {
  expect(() => readIdempotencyKey(asking({ 'idempotency-key': value }))).toThrow(
    expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining('Idempotency-Key') }),
  )
})

test('the same key and request hash the same; another key, API key, method, path or body does not', async () => {
  const usual: Asked = ['key_1', 'retry-1', 'POST', '/v1/chat/completions', 'body']
  const hashed = ([keyId, idempotencyKey, method, path, body]: Asked) => idempotencyOf(keyId, idempotencyKey, method, path, bytes(body))
  const one = await hashed(usual)
  expect(await hashed(usual)).toEqual(one)
  for (const hash of Object.values(one)) expect(hash).toMatch(/^[0-9a-f]{64}$/)
  for (const [at, part] of usual.entries()) {
    const other = await hashed(usual.with(at, `${part}x`) as Asked)
    expect(other.keyHash === one.keyHash, part).toBe(at >= 2)
    expect(other.bodyHash === one.bodyHash, part).toBe(at < 2)
  }
})

test('hashes are SHA-256 and stay what they are: another release finds the keys of this one', async () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  expect(await idempotencyOf('key_1', 'a', 'POST', '/v1/x', bytes('body'))).toEqual({
    keyHash: sha256('key_1\na'),
    bodyHash: sha256(`POST\n/v1/x\n${sha256('body')}`),
  })
})
