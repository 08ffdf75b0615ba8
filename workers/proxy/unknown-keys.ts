import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { ExpiringCache } from './expiring-cache.ts'
import { cachedKeys, unknownKeysPerMinute } from './limits.ts'

/**
 * Guards Postgres against guessed keys: each look-up that finds nothing counts against the address it came from, in Redis, across all isolates.
 * Requests with a valid key never get here. When Redis is down nobody is blocked: the guard fails open.
 */
const blocked = new ExpiringCache<number>(cachedKeys, 60_000)
let limiter: Ratelimit | undefined

/** Throws 429 for an address that has tried too many unknown keys. */
export function refuseBlocked(clientIp: string): void {
  const retryAfterMs = (blocked.get(clientIp) ?? 0) - Date.now()
  if (retryAfterMs > 0) throw new ApiError('too_many_unknown_keys', { retryAfterMs })
}

export async function countUnknownKey(clientIp: string, redis: { url: string; token: string }): Promise<void> {
  limiter ??= new Ratelimit({
    redis: new Redis({ ...redis, retry: false }),
    limiter: Ratelimit.slidingWindow(unknownKeysPerMinute, '60 s'),
    prefix: 'unknown-keys',
    timeout: 500,
  })
  try {
    const { success, reset } = await limiter.limit(clientIp)
    if (!success) blocked.set(clientIp, reset)
  } catch (error) {
    logFailure('unknown_key_limit_failed', error)
  }
}
