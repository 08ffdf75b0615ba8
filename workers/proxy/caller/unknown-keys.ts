import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { ExpiringCache } from '#workers/services/expiring-cache.ts'
import { SlidingWindow } from '#workers/services/sliding-window.ts'
import { cachedKeys, unknownKeyLimitMs, unknownKeysPerMinute } from '../limits.ts'

/**
 * Guards Postgres against guessed keys: each look-up that finds nothing counts against the address it came from, in Redis, across all isolates.
 * Requests with a valid key never get here. While Redis is away or slow, each isolate counts what it sees itself.
 */
const blocked = new ExpiringCache<number>(cachedKeys, 60_000)
const seenHere = new SlidingWindow(cachedKeys, unknownKeysPerMinute, 60_000)
let limiter: Ratelimit | undefined

/** Throws 429 for an address that has tried too many unknown keys. */
export function refuseBlocked(clientIp: string): void {
  const retryAfterMs = (blocked.get(clientIp) ?? 0) - Date.now()
  if (retryAfterMs > 0) throw new ApiError('too_many_unknown_keys', { retryAfterMs })
}

export async function countUnknownKey(clientIp: string, redis: { url: string; token: string }): Promise<void> {
  const blockedUntilMs = (await countInRedis(clientIp, redis)) ?? seenHere.count(clientIp) ?? 0
  if (blockedUntilMs > 0) blocked.set(clientIp, blockedUntilMs)
}

/** Until when the address is blocked, 0 when it is not; null when Redis does not tell in time. */
async function countInRedis(clientIp: string, redis: { url: string; token: string }): Promise<number | null> {
  limiter ??= new Ratelimit({
    // Commands of several requests are not put together: in a Worker one request cannot wait for the fetch of another.
    redis: new Redis({ ...redis, retry: false, enableAutoPipelining: false }),
    limiter: Ratelimit.slidingWindow(unknownKeysPerMinute, '60 s'),
    prefix: 'unknown-keys',
    timeout: unknownKeyLimitMs,
  })
  try {
    const { success, reset, reason } = await limiter.limit(clientIp)
    if (reason === 'timeout') return null
    return success ? 0 : reset
  } catch (error) {
    logFailure('unknown_key_limit_failed', error)
    return null
  }
}
