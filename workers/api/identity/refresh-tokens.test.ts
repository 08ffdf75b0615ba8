import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '#shared/values/id.ts'
import { startThrowawayRedis } from '#workers/dev/testing/throwaway-redis.ts'
import { createUpstashEndpoint } from '#workers/dev/upstash-endpoint/endpoint.ts'
import { rotateToken, startFamily } from './refresh-tokens.ts'

const redis = { url: '', token: 'token-of-the-test' }
const ends: (() => unknown)[] = []

beforeAll(async () => {
  const server = await startThrowawayRedis()
  const endpoint = createUpstashEndpoint({ redisPort: Number(new URL(server.url).port), token: redis.token })
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
  const address = endpoint.address()
  redis.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  ends.push(
    () => endpoint.close(),
    () => endpoint.closeAllConnections(),
    () => server.end(),
  )
})
afterAll(async () => {
  for (const end of ends) await end()
})

/** What a family should do: `tokens` in order of their age, of which the last works, and the one before for ten seconds. */
interface Model {
  tokens: string[]
  rotatedAtMs: number
  isOver: boolean
}

function expectedOf({ tokens, rotatedAtMs, isOver }: Model, token: string, nowMs: number): 'next' | 'same' | 'reused' {
  if (isOver) return 'reused'
  if (token === tokens.at(-1)) return 'next'
  return token === tokens.at(-2) && nowMs - rotatedAtMs <= 10_000 ? 'same' : 'reused'
}

test('whoever comes with which token when, a family does what its model says', async () => {
  const step = fc.record({ fromNewest: fc.nat({ max: 3 }), laterMs: fc.oneof(fc.nat({ max: 4_000 }), fc.constantFrom(10_000, 10_001)) })
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
    const sessionId = newId('ses')
    let nowMs = Date.now()
    const model: Model = { tokens: [await startFamily(redis, sessionId, nowMs + 86_400_000)], rotatedAtMs: 0, isOver: false }
    for (const { fromNewest, laterMs } of steps) {
      nowMs += laterMs
      const token = model.tokens[Math.max(0, model.tokens.length - 1 - fromNewest)] ?? ''
      const expected = expectedOf(model, token, nowMs)
      const rotation = await rotateToken(redis, token, nowMs)
      if (expected === 'reused') {
        expect(rotation).toEqual({ outcome: 'reused' })
        model.isOver = true
      } else if (expected === 'same') expect(rotation).toEqual({ outcome: 'rotated', token: model.tokens.at(-1) })
      else {
        const successor = rotation.outcome === 'rotated' ? rotation.token : ''
        expect(successor).toMatch(new RegExp(`^rrt_${sessionId}\\.`))
        expect(model.tokens).not.toContain(successor)
        model.tokens.push(successor)
        model.rotatedAtMs = nowMs
      }
    }
  })
  await fc.assert(property, { numRuns: 60 })
})

test('many at once with one token get one successor, and a family that has expired or never was is unknown', async () => {
  const sessionId = newId('ses')
  const nowMs = Date.now()
  const token = await startFamily(redis, sessionId, nowMs + 60_000)
  const rotations = await Promise.all(Array.from({ length: 50 }, () => rotateToken(redis, token, nowMs)))
  expect(new Set(rotations.map((each) => JSON.stringify(each))).size).toBe(1)
  expect(rotations[0]?.outcome).toBe('rotated')
  const late = await startFamily(redis, newId('ses'), nowMs - 1)
  expect(await rotateToken(redis, late, nowMs)).toEqual({ outcome: 'unknown' })
  expect(await rotateToken(redis, token.replace(sessionId, newId('ses')), nowMs)).toEqual({ outcome: 'unknown' })
})
