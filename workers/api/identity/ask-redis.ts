import { Redis } from '@upstash/redis'
import { logFailure } from '#workers/edge/log.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Surroundings } from '../env.ts'
import { redisAnswerMs } from '../limits.ts'

/** Asks Redis once, for what cannot be answered without it. Throws 503 when it is away or slow, so that nobody is signed out by that. */
export async function askRedis<Reply>(settings: Surroundings['redis'], ask: (redis: Redis) => Promise<Reply>): Promise<Reply> {
  const redis = new Redis({
    ...settings,
    retry: false,
    enableAutoPipelining: false,
    automaticDeserialization: false,
    signal: () => AbortSignal.timeout(redisAnswerMs),
  })
  try {
    return await ask(redis)
  } catch (error) {
    // The client puts the command into its message, and with it hashes of tokens.
    logFailure('redis_failed', new Error(error instanceof Error ? error.name : 'not an error'))
    throw new Problem('unavailable', 'Sessions cannot be kept at the moment. You stay signed in; try again.', [], { 'retry-after': '2' })
  }
}
