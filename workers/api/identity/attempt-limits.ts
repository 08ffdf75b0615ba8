import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis'
import { sha256Hex } from '#shared/values/sha256.ts'
import { logFailure } from '#workers/edge/log.ts'
import { Problem } from '#workers/edge/problem.ts'
import { SlidingWindow } from '#workers/services/sliding-window.ts'
import type { Surroundings } from '../env.ts'
import { attemptLimits, redisTimeoutMs } from '../limits.ts'

export type Attempt = keyof typeof attemptLimits

/** Names an isolate counts by itself. */
const capacity = 10_000

interface Counter {
  shared: Ratelimit
  /** Counts in this isolate while Redis is away or slow: each isolate then allows as much as all together would. */
  here: SlidingWindow
}

const counters = new Map<string, Counter>()

/**
 * Counts an attempt against the address it came from and against the account that it names, whether there is one or not. Throws 429, with the time to wait,
 * when either has had too many. What counts an account is a hash of the name.
 */
export async function limitAttempts(
  redis: Surroundings['redis'],
  attempt: Attempt,
  who: { ip: string; account?: string | null },
): Promise<void> {
  const { perIp, perAccount, windowMs } = attemptLimits[attempt]
  const counted = [count(redis, `${attempt}:ip`, who.ip, perIp, windowMs)]
  if (who.account) {
    const name = await sha256Hex(new TextEncoder().encode(who.account.trim().toLowerCase()))
    counted.push(count(redis, `${attempt}:account`, name, perAccount, windowMs))
  }
  const untilMs = Math.max(...(await Promise.all(counted)))
  if (untilMs === 0) return
  const seconds = Math.max(1, Math.ceil((untilMs - Date.now()) / 1_000))
  throw new Problem('too_many_requests', `Too many attempts. Wait ${seconds} seconds before the next.`, [], {
    'retry-after': String(seconds),
  })
}

/** Until when there were too many, in milliseconds since 1970; 0 when there were not. */
async function count(redis: Surroundings['redis'], counter: string, name: string, most: number, windowMs: number): Promise<number> {
  const { shared, here } = counterOf(redis, counter, most, windowMs)
  try {
    const { success, reset, reason } = await shared.limit(name)
    if (reason !== 'timeout') return success ? 0 : reset
  } catch (error) {
    logFailure('attempt_limit_failed', error, { counter })
  }
  return here.count(name) ?? 0
}

function counterOf(redis: Surroundings['redis'], counter: string, most: number, windowMs: number): Counter {
  const key = `${redis.url} ${counter}`
  const known = counters.get(key)
  if (known) return known
  const shared = new Ratelimit({
    // Commands of several requests are not put together: in a Worker one request cannot wait for the fetch of another.
    redis: new Redis({ ...redis, retry: false, enableAutoPipelining: false }),
    limiter: Ratelimit.slidingWindow(most, `${windowMs} ms`),
    prefix: `attempts:${counter}`,
    timeout: redisTimeoutMs,
  })
  const made = { shared, here: new SlidingWindow(capacity, most, windowMs) }
  counters.set(key, made)
  return made
}
