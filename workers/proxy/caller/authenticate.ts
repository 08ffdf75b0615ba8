import { findKeyByHash } from '#db/queries/find-key-by-hash.ts'
import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type { OwnKeys } from '#shared/contracts/provider-credential.ts'
import { hashApiKey, isWellFormedApiKey } from '#shared/values/api-key.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { ExpiringCache } from '#workers/services/expiring-cache.ts'
import type { Surroundings } from '../env.ts'
import type { Exchange } from '../exchange.ts'
import { cachedKeys, keyFreshMs, keyUsableMs, unknownKeyCachedMs } from '../limits.ts'
import { unavailable } from '../unavailable.ts'
import { presentedKey } from './presented-key.ts'
import { countUnknownKey, refuseBlocked } from './unknown-keys.ts'

/** Whose request this is. `snapshot` is there when Postgres was just read, so that the ledger need not ask for it. */
export interface Caller {
  keyId: string
  keyHash: string
  organizationId: string
  ownKeys: OwnKeys
  snapshot?: AccountSnapshot
}

interface KnownKey {
  keyId: string
  organizationId: string
  ownKeys: OwnKeys
  lookedUpAtMs: number
}

const knownKeys = new ExpiringCache<KnownKey>(cachedKeys, keyUsableMs)
const unknownKeys = new ExpiringCache<true>(cachedKeys, unknownKeyCachedMs)

/**
 * Finds the caller by the one API key the request carries; throws 401 when there is none, or not exactly one that is valid. A key known for a while
 * is looked up again beside the request, which does not wait: the ledger knows at once when it is revoked, and goes on when Postgres is away.
 */
export async function authenticate({ request, surroundings, clientIp, waitUntil }: Asking): Promise<Caller> {
  const apiKey = presentedKey(request)
  if (isWellFormedApiKey(apiKey, 'rrm_')) throw new ApiError('invalid_api_key', { message: managementKeyMessage })
  if (!isWellFormedApiKey(apiKey)) throw new ApiError('invalid_api_key')
  const keyHash = await hashApiKey(apiKey)
  const known = knownKeys.get(keyHash)
  if (known) {
    const nowMs = Date.now()
    if (nowMs - known.lookedUpAtMs > keyFreshMs) {
      known.lookedUpAtMs = nowMs
      // A failure is logged where it happens, and changes nothing for who is known.
      waitUntil(lookUp(keyHash, surroundings, clientIp).catch(() => undefined))
    }
    return { keyId: known.keyId, organizationId: known.organizationId, ownKeys: known.ownKeys, keyHash }
  }
  if (unknownKeys.get(keyHash)) throw new ApiError('invalid_api_key')
  refuseBlocked(clientIp)
  return lookUp(keyHash, surroundings, clientIp)
}

/** The same caller with what Postgres says of it now, for when what is known of it has been overtaken. */
export function authenticateAgain({ surroundings, clientIp }: Asking, { keyHash }: Caller): Promise<Caller> {
  return lookUp(keyHash, surroundings, clientIp)
}

const managementKeyMessage = 'This is a management key (rrm_…), which calls no models. Send an API key (rrk_…).'

type Asking = Pick<Exchange, 'request' | 'clientIp' | 'waitUntil'> & { surroundings: Pick<Surroundings, 'db' | 'redis'> }

/** Forgets a key the ledger has refused as revoked, so that the next request is refused without asking it. */
export function forgetKey(keyHash: string): void {
  knownKeys.delete(keyHash)
  unknownKeys.set(keyHash, true)
}

async function lookUp(keyHash: string, surroundings: Asking['surroundings'], clientIp: string): Promise<Caller> {
  const found = await findKeyByHash(surroundings.db, keyHash).catch((error: unknown) => {
    logFailure('key_lookup_failed', error)
    throw unavailable()
  })
  if (!found) {
    forgetKey(keyHash)
    await countUnknownKey(clientIp, surroundings.redis)
    throw new ApiError('invalid_api_key')
  }
  const { keyId, organizationId, ownKeys, snapshot } = found
  knownKeys.set(keyHash, { keyId, organizationId, ownKeys, lookedUpAtMs: Date.now() })
  return { keyId, organizationId, keyHash, ownKeys, snapshot }
}
