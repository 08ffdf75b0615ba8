import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Db } from '#db/client.ts'
import { generateApiKey } from '#shared/values/api-key.ts'
import { SlidingWindow } from '#workers/services/sliding-window.ts'
import { unknownKeysPerMinute } from '../limits.ts'

const address = '203.0.113.9'
let redis: Server
let asked: number
/** How Redis answers; the limit is a script that says what is left, or less than nothing. */
let behave: RequestListener

beforeEach(async () => {
  asked = 0
  redis = createServer((request, response) => {
    asked += 1
    behave(request, response)
  })
  await new Promise<void>((resolve) => redis.listen(0, '127.0.0.1', resolve))
  // Each test has an isolate of its own, which knows no address, and a minute that does not end within it.
  vi.resetModules()
  vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 })
})
afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  redis.closeAllConnections()
  await new Promise((resolve) => redis.close(resolve))
})

function settings() {
  const bound = redis.address()
  return { url: `http://127.0.0.1:${bound !== null && typeof bound === 'object' ? bound.port : 0}`, token: 'token' }
}

const away: RequestListener = (_, response) => void response.writeHead(500).end('away')
const silent: RequestListener = () => undefined
const tells =
  (left: number): RequestListener =>
  (_, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ result: [left, unknownKeysPerMinute] }))

async function guess(times: number) {
  const { countUnknownKey, refuseBlocked } = await import('./unknown-keys.ts')
  await Promise.all(Array.from({ length: times }, () => countUnknownKey(address, settings())))
  return refuseBlocked
}

const refusal = expect.objectContaining({ code: 'too_many_unknown_keys' })

test.each([
  ['away', away],
  ['silent', silent],
])('while Redis is %s, the isolate itself stops an address that guesses, and no other', async (_, how) => {
  behave = how
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const refuseBlocked = await guess(unknownKeysPerMinute)
  expect(() => refuseBlocked(address)).not.toThrow()
  await guess(1)
  expect(() => refuseBlocked(address)).toThrow(refusal)
  expect(() => refuseBlocked('203.0.113.10')).not.toThrow()
})

test('while Redis counts, what it says holds, and the isolate counts nothing', async () => {
  behave = tells(5)
  const refuseBlocked = await guess(unknownKeysPerMinute + 1)
  expect(() => refuseBlocked(address)).not.toThrow()
  behave = tells(-1)
  await guess(1)
  expect(() => refuseBlocked(address)).toThrow(refusal)
})

test('each count is a command of its own, so that no request waits for the fetch of another', async () => {
  const paths: (string | undefined)[] = []
  behave = (request, response) => {
    paths.push(request.url)
    tells(5)(request, response)
  }
  await guess(3)
  expect(paths).toEqual(['/', '/', '/'])
})

test('a malformed key is refused without Postgres or Redis, and does not count against its address', async () => {
  behave = away
  const { authenticate } = await import('./authenticate.ts')
  const noDb = new Proxy({} as Db, {
    get: () => {
      throw new Error('Postgres was asked')
    },
  })
  const valid = generateApiKey()
  const mistyped = `${valid.slice(0, -1)}${valid.endsWith('0') ? '1' : '0'}`
  for (let count = 0; count <= unknownKeysPerMinute; count++) {
    const request = new Request('https://relay.test/', { headers: { authorization: `Bearer ${mistyped}` } })
    const surroundings = { db: noDb, redis: settings() }
    const asking = { request, surroundings, clientIp: address, waitUntil: () => undefined }
    await expect(authenticate(asking)).rejects.toMatchObject({ code: 'invalid_api_key' })
  }
  expect(asked).toBe(0)
})

test('a window slides: what was before counts by its share, and after two windows nothing does', () => {
  const now = vi.spyOn(Date, 'now').mockReturnValue(60_000)
  const window = new SlidingWindow(10, 4, 60_000)
  const counted = [0, 0, 0, 0, 0].map(() => window.count('a'))
  expect(counted).toEqual([null, null, null, null, 120_000])
  // Half of the five are still within the minute: one more fits, two do not.
  now.mockReturnValue(150_000)
  expect([window.count('a'), window.count('a')]).toEqual([null, 180_000])
  now.mockReturnValue(300_000)
  expect(window.count('a')).toBeNull()
})

test('a window keeps no more names than it may', () => {
  const window = new SlidingWindow(2, 1, 60_000)
  for (const name of ['a', 'b', 'c']) window.count(name)
  expect(window.count('c')).not.toBeNull()
  expect(window.count('a')).toBeNull()
})
