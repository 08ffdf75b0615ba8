import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenAnywhere, type Throwaway } from '../testing/throwaway.ts'
import { startThrowawayRedis } from '../testing/throwaway-redis.ts'
import { createUpstashEndpoint } from './endpoint.ts'

const token = 'token-of-this-test'
let store: Throwaway
let endpoint: ReturnType<typeof createUpstashEndpoint>
let url: string
let redis: Redis

beforeAll(async () => {
  store = await startThrowawayRedis()
  endpoint = createUpstashEndpoint({ redisPort: store.port, token })
  url = await listenAnywhere(endpoint)
  redis = new Redis({ url, token, retry: false })
}, 120_000)

afterAll(async () => {
  endpoint?.close()
  endpoint?.closeAllConnections()
  await store?.end()
})

test('values come back as they were written, text beyond ASCII and objects included', async () => {
  await redis.set('text', 'Grüße, 世界')
  await redis.set('object', { nested: ['OK', 1, null] })
  await redis.hset('hash', { name: 'OK', count: 2 })
  expect(await redis.get('text')).toBe('Grüße, 世界')
  expect(await redis.get('object')).toEqual({ nested: ['OK', 1, null] })
  expect(await redis.hgetall('hash')).toEqual({ name: 'OK', count: 2 })
  expect(await redis.get('missing')).toBeNull()
})

test('a pipeline keeps its order, and a failing command fails alone', async () => {
  const pipeline = redis.pipeline().set('order', 'a').append('order', 'b').lpush('order', 'c').get('order')
  const results = await pipeline.exec({ keepErrors: true })
  expect(results.map((each) => each.result)).toEqual(['OK', 2, undefined, 'ab'])
  expect(results[2]?.error).toMatch(/WRONGTYPE/)
})

test('multi-exec runs all commands as one', async () => {
  expect(await redis.multi().set('total', 1).incrby('total', 41).get('total').exec()).toEqual(['OK', 42, 42])
})

test('a script with the shebang line that Redis 7 refuses runs, by text and by its SHA', async () => {
  const script = redis.createScript<string[]>('#!lua flags=allow-key-locking\nreturn {KEYS[1], ARGV[1]}')
  expect(await script.exec(['key'], ['value'])).toEqual(['key', 'value'])
  expect(await script.exec(['key'], ['again'])).toEqual(['key', 'again'])
})

test('errors carry the text of Redis, and a wrong token is refused', async () => {
  await expect(redis.eval('return redis.error_reply("REFUSED on purpose")', [], [])).rejects.toThrow(/REFUSED on purpose/)
  await expect(new Redis({ url, token: 'guessed', retry: false }).get('text')).rejects.toThrow(/WRONGPASS/)
})

test('@upstash/ratelimit really limits, in a sliding window', async () => {
  const limiter = new Ratelimit({ redis, limiter: Ratelimit.slidingWindow(3, '60 s'), prefix: 'limit-test', ephemeralCache: false })
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => limiter.limit('one client')))
  expect(outcomes.filter((each) => each.success)).toHaveLength(3)
  expect((await limiter.limit('another client')).success).toBe(true)
})

test('it serves again by itself after Redis was killed, and Redis kept its data', async () => {
  await redis.set('durable', 'yes')
  await new Promise((resolve) => setTimeout(resolve, 1_100)) // Redis writes its log to disk once a second.
  await store.process.kill('SIGKILL')
  await store.process.ready()
  await expect.poll(() => redis.get('durable').catch(() => 'not yet'), { timeout: 5_000 }).toBe('yes')
})
