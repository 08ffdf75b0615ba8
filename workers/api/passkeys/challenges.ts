import { sha256Hex } from '#shared/values/sha256.ts'
import type { Surroundings } from '../env.ts'
import { askRedis } from '../identity/ask-redis.ts'
import { passkeySeconds } from '../limits.ts'

/** What a challenge was given out for, and to whom: a session, or a browser by the secret of its cookie. */
export interface ChallengeHolder {
  purpose: 'register' | 'sign_in' | 'reauthenticate'
  holder: string
}

/** Keeps a challenge for its holder. A holder may have several at once, as a browser with two tabs does. Throws 503 without Redis. */
export async function keepChallenge(redis: Surroundings['redis'], given: ChallengeHolder, challenge: string): Promise<void> {
  const key = await keyOf(given, challenge)
  await askRedis(redis, (client) => client.set(key, kept, { ex: passkeySeconds }))
}

/** Whether a challenge was given to this holder for this purpose and not yet answered: whoever asks first takes it. Throws 503 without Redis. */
export async function takeChallenge(redis: Surroundings['redis'], given: ChallengeHolder, challenge: string): Promise<boolean> {
  const key = await keyOf(given, challenge)
  return (await askRedis(redis, (client) => client.getdel<string>(key))) === kept
}

const kept = 'kept'

/** A hash, because what a browser answers may be of any form and length. */
async function keyOf({ purpose, holder }: ChallengeHolder, challenge: string): Promise<string> {
  return `passkey:${purpose}:${await sha256Hex(new TextEncoder().encode(JSON.stringify([holder, challenge])))}`
}
