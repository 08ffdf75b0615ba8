import fc from 'fast-check'
import { test } from 'vitest'
import { brokenLimit, correctTokens, countRequest, emptyWindow, limitStates } from './windows.ts'

const startMs = Date.UTC(2030, 0, 15, 23, 58)
const minuteMs = 60_000

const attempts = fc.array(
  fc.record({
    waitMs: fc.oneof(fc.nat(50), fc.nat(3_000), fc.nat(61_000)),
    tokens: fc.nat(40),
    usedShare: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { minLength: 1, maxLength: 200 },
)

interface Admitted {
  atMs: number
  tokens: number
}

/** Plays attempts against a window and returns those it let in, with the tokens they reserved or, when `corrects`, really used. */
function play(
  given: { waitMs: number; tokens: number; usedShare: number }[],
  limits: Parameters<typeof brokenLimit>[1],
  corrects: boolean,
) {
  const window = emptyWindow()
  const admitted: Admitted[] = []
  let nowMs = startMs
  for (const { waitMs, tokens, usedShare } of given) {
    nowMs += waitMs
    if (brokenLimit(window, limits, tokens, nowMs)) continue
    countRequest(window, tokens, nowMs)
    const usedTokens = corrects ? Math.floor(tokens * usedShare) : tokens
    if (corrects) correctTokens(window, nowMs, usedTokens - tokens)
    admitted.push({ atMs: nowMs, tokens: usedTokens })
  }
  return { admitted, window, nowMs }
}

function mostInAnyMinute(admitted: Admitted[], weight: (one: Admitted) => number): number {
  return Math.max(
    0,
    ...admitted.map(({ atMs }) =>
      admitted.filter((other) => other.atMs >= atMs && other.atMs < atMs + minuteMs).reduce((sum, one) => sum + weight(one), 0),
    ),
  )
}

test('no 60 seconds ever hold more requests than the limit', ({ expect }) => {
  fc.assert(
    fc.property(attempts, fc.integer({ min: 1, max: 20 }), (given, requestsPerMinute) => {
      const { admitted } = play(given, { requestsPerMinute }, false)
      expect(mostInAnyMinute(admitted, () => 1)).toBeLessThanOrEqual(requestsPerMinute)
    }),
  )
})

test('no 60 seconds ever hold more tokens than the limit, corrected ones included', ({ expect }) => {
  fc.assert(
    fc.property(attempts, fc.integer({ min: 1, max: 200 }), fc.boolean(), (given, tokensPerMinute, corrects) => {
      const { admitted } = play(given, { tokensPerMinute }, corrects)
      expect(mostInAnyMinute(admitted, ({ tokens }) => tokens)).toBeLessThanOrEqual(tokensPerMinute)
    }),
  )
})

test('no UTC day ever holds more requests than the limit', ({ expect }) => {
  fc.assert(
    fc.property(attempts, fc.integer({ min: 1, max: 20 }), (given, requestsPerDay) => {
      const { admitted } = play(given, { requestsPerDay }, false)
      const days = Map.groupBy(admitted, ({ atMs }) => Math.floor(atMs / 86_400_000))
      for (const requests of days.values()) expect(requests.length).toBeLessThanOrEqual(requestsPerDay)
    }),
  )
})

test('who waits as long as told is let in, when nobody else comes', ({ expect }) => {
  fc.assert(
    fc.property(
      attempts,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 40, max: 200 }),
      (given, requestsPerMinute, tokensPerMinute) => {
        const limits = { requestsPerMinute, tokensPerMinute }
        const { window, nowMs } = play(given, limits, false)
        let waitedMs = 0
        for (let round = 0; round < 3; round++) {
          const broken = brokenLimit(window, limits, 40, nowMs + waitedMs)
          if (!broken) return
          expect(broken.retryAfterMs).toBeGreaterThan(0)
          waitedMs += broken.retryAfterMs ?? 0
        }
        expect(brokenLimit(window, limits, 40, nowMs + waitedMs)).toBeNull()
      },
    ),
  )
})

test('what is left is never negative, and a window is whole again after its reset', ({ expect }) => {
  fc.assert(
    fc.property(attempts, fc.integer({ min: 1, max: 20 }), (given, requestsPerMinute) => {
      const limits = { requestsPerMinute }
      const { window, nowMs } = play(given, limits, false)
      const state = limitStates(window, limits, nowMs).requestsPerMinute
      expect(state?.remaining).toBeGreaterThanOrEqual(0)
      expect(limitStates(window, limits, nowMs + (state?.resetMs ?? 0)).requestsPerMinute).toEqual({
        limit: requestsPerMinute,
        remaining: requestsPerMinute,
        resetMs: 0,
      })
    }),
  )
})

test('a limit of zero refuses everything and names no time to come back', ({ expect }) => {
  expect(brokenLimit(emptyWindow(), { requestsPerMinute: 0 }, 1, startMs)).toEqual({ reason: 'requests_per_minute', retryAfterMs: null })
  expect(brokenLimit(emptyWindow(), { tokensPerMinute: 5 }, 6, startMs)).toEqual({ reason: 'tokens_per_minute', retryAfterMs: null })
  expect(brokenLimit(emptyWindow(), { requestsPerDay: 0 }, 1, startMs)).toEqual({ reason: 'requests_per_day', retryAfterMs: null })
})
