import { listOrganizationsWithEndedGrants } from '#db/queries/promotions/credit-grants.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { Platform } from '#workers/services/platform.ts'
import { expireGrants } from '#workers/services/promotions/expire-grants.ts'
import { expiryBudgetMs, grantGraceMs, organizationsTogether } from './limits.ts'

/**
 * Takes back what is left of promotional credit whose time is over. A customer whose books refuse it is told of in the log, tried again by the next run and
 * holds up no other; what the time of a run is too short for waits for the next as well.
 */
export async function expirePromotions(given: Omit<Platform, 'actor'>, nowMs: number): Promise<{ expired: number; failed: number }> {
  const platform: Platform = { ...given, actor: { type: 'system', id: 'promotions', ip: null, requestId: null } }
  const endsAtMs = Date.now() + expiryBudgetMs
  const endedBy = new Date(nowMs - grantGraceMs)
  const counts = { expired: 0, failed: 0 }
  for (let afterId = ''; Date.now() < endsAtMs; ) {
    const ids = await listOrganizationsWithEndedGrants(platform.db, { endedBy, afterId, limit: organizationsTogether })
    for (const organizationId of ids) {
      try {
        counts.expired += await expireGrants(platform, organizationId, endedBy)
      } catch (error) {
        counts.failed++
        logFailure('promotion_not_expired', error, { organizationId })
      }
    }
    const last = ids.at(-1)
    if (last === undefined || ids.length < organizationsTogether) break
    afterId = last
  }
  return counts
}
