import { Redis } from '@upstash/redis'
import { logFailure } from '#workers/edge/log.ts'
import { answerRouteSeconds } from './limits.ts'
import { unavailable } from './unavailable.ts'

type RedisSettings = { url: string; token: string }

/**
 * Which route has which stored answer of which customer. All customers share the accounts at the providers, so whether an answer may be continued is
 * decided here: by a customer that is not known to have it, it cannot. Kept in Redis under a hash, as long as the provider keeps the answer.
 */
export async function rememberAnswer(redis: RedisSettings, organizationId: string, answerId: string, routeId: string): Promise<void> {
  try {
    await open(redis).set(await nameOf(organizationId, answerId), routeId, { ex: answerRouteSeconds })
  } catch (error) {
    // The answer is the client's all the same; it can only not be continued.
    logFailure('answer_route_failed', error, { organizationId })
  }
}

/** The route of a stored answer; null when this customer has no such answer. Throws 503 when nobody can tell. */
export async function routeOfAnswer(redis: RedisSettings, organizationId: string, answerId: string): Promise<string | null> {
  try {
    return await open(redis).get<string>(await nameOf(organizationId, answerId))
  } catch (error) {
    logFailure('answer_route_failed', error, { organizationId })
    throw unavailable()
  }
}

let known: { url: string; redis: Redis } | undefined

function open({ url, token }: RedisSettings): Redis {
  if (known?.url !== url) known = { url, redis: new Redis({ url, token, retry: false }) }
  return known.redis
}

async function nameOf(organizationId: string, answerId: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${organizationId}\n${answerId}`))
  return `answer-route:${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
