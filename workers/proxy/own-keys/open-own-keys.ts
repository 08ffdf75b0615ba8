import { credentialPlace, type OwnCredential } from '#shared/contracts/provider-credential.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { KekFailure } from '#workers/services/secrets/key-ring.ts'
import { OpenedSecrets } from '#workers/services/secrets/opened-secrets.ts'
import { checkBaseUrl } from '#workers/services/targets/check-target.ts'
import { judgeTarget } from '#workers/services/targets/judge-target.ts'
import type { Surroundings } from '../env.ts'
import { attemptsMost } from '../limits.ts'
import type { Offer } from '../upstream/offers.ts'

const opened = new OpenedSecrets()

/**
 * The offers with the keys of the customer's own accounts in clear, before anything is asked of the ledger. An own offer whose key cannot be had is left
 * out. When that is all of them the request ends here: nothing of it is served with the balance because a key management service is away.
 */
export async function openOwnKeys(offers: Offer[], surroundings: Surroundings, organizationId: string): Promise<Offer[]> {
  const credentials = [...new Set(offers.flatMap(({ own }) => own?.credential ?? []))].slice(0, attemptsMost)
  if (credentials.length === 0) return offers
  const keys = new Map<OwnCredential, string>()
  const failures: ApiError[] = []
  await Promise.all(
    credentials.map(async (credential) => {
      try {
        await requirePublic(credential, surroundings)
        const place = credentialPlace(organizationId, credential.credentialId)
        keys.set(credential, await opened.open(surroundings.keyRing, place, credential.sealed))
      } catch (error) {
        logFailure('own_key_not_opened', error, { organizationId, credentialId: credential.credentialId })
        failures.push(failureOf(error))
      }
    }),
  )
  // One that may be had in a moment says more than one that never will.
  if (keys.size === 0) throw failures.find(({ code }) => code === 'byok_unavailable') ?? failures[0]
  return offers.flatMap((offer) => {
    if (!offer.own) return offer
    const apiKey = keys.get(offer.own.credential)
    return apiKey === undefined ? [] : { ...offer, own: { ...offer.own, apiKey } }
  })
}

/** Settings and DNS may have changed since the address was saved. */
async function requirePublic({ baseUrl }: OwnCredential, { targets: { rules, resolver } }: Surroundings): Promise<void> {
  if (baseUrl === null) return
  const checked = checkBaseUrl(baseUrl, rules)
  const verdict = checked.outcome === 'ok' ? await judgeTarget(checked.url, rules, resolver) : checked
  if (verdict.outcome === 'refused')
    throw new ApiError('byok_target', { message: `The address of your own provider may not be called: ${verdict.reason}` })
  if (verdict.outcome === 'unknown') throw new ApiError('byok_unavailable', { retryAfterMs: 5_000 })
}

function failureOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (!(error instanceof KekFailure)) return new ApiError('internal_error')
  return error.reason === 'unreadable'
    ? new ApiError('byok_unreadable')
    : new ApiError('byok_unavailable', { retryAfterMs: error.retryAfterMs })
}
