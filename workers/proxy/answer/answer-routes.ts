import { Redis } from '@upstash/redis'
import { z } from 'zod'
import { sha256Hex } from '#shared/values/sha256.ts'
import { logFailure } from '#workers/edge/log.ts'
import { answerRouteSeconds } from '../limits.ts'
import { unavailable } from '../unavailable.ts'

type RedisSettings = { url: string; token: string }

const StoredAnswer = z.object({
  /** The key of the offer that made it. */
  offerKey: z.string(),
  /** Input and output as reported, all of which a request that continues the answer may be given again; null while nobody has told. */
  tokens: z.int().nullable(),
})
export type StoredAnswer = z.infer<typeof StoredAnswer>

/**
 * Which route of which account has which stored answer of which customer. All customers share the accounts at the providers, so whether an answer may be continued is
 * decided here: by a customer that is not known to have it, it cannot. Kept in Redis under a hash, as long as the provider keeps the answer.
 */
export async function rememberAnswer(redis: RedisSettings, organizationId: string, answerId: string, answer: StoredAnswer): Promise<void> {
  try {
    await open(redis).set(await nameOf(organizationId, answerId), answer, { ex: answerRouteSeconds })
  } catch (error) {
    // The answer is the client's all the same; it can only not be continued.
    logFailure('answer_route_failed', error, { organizationId })
  }
}

/** Where a stored answer is; null when this customer has no such answer. Throws 503 when nobody can tell. */
export async function findAnswer(redis: RedisSettings, organizationId: string, answerId: string): Promise<StoredAnswer | null> {
  try {
    return StoredAnswer.nullable().parse(await open(redis).get(await nameOf(organizationId, answerId)))
  } catch (error) {
    logFailure('answer_route_failed', error, { organizationId })
    throw unavailable()
  }
}

let known: { url: string; redis: Redis } | undefined

/** Commands of several requests are not put together: in a Worker one request cannot wait for the fetch of another. */
function open({ url, token }: RedisSettings): Redis {
  if (known?.url !== url) known = { url, redis: new Redis({ url, token, retry: false, enableAutoPipelining: false }) }
  return known.redis
}

async function nameOf(organizationId: string, answerId: string): Promise<string> {
  return `answer-route:${await sha256Hex(new TextEncoder().encode(`${organizationId}\n${answerId}`))}`
}
