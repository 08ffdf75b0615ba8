import { promotionOperations as operations } from '#shared/contracts/api/promotions.ts'
import { GrantId } from '#shared/contracts/promotion.ts'
import { pageFrom, readCursor } from '#workers/services/cursor.ts'
import { listGrants } from '#workers/services/promotions/list-grants.ts'
import { shownGrant } from '#workers/services/promotions/shown-grant.ts'
import { clientIpOf } from '../call-platform.ts'
import { endpoint } from '../endpoint.ts'
import { redeemForScope } from '../promotions/redeem.ts'

export const promotionEndpoints = [
  endpoint(operations.list, async ({ surroundings, scope: { organizationId }, query: { cursor, limit } }) => {
    const list = `promotions ${organizationId}`
    const beforeId = readCursor(list, cursor, GrantId)
    const rows = await listGrants(surroundings.db, organizationId, { beforeId, limit: limit + 1 })
    const { data, next } = pageFrom({ rows, limit, list }, ({ id }) => id)
    return { data: data.map((grant) => shownGrant(grant, Date.now())), next }
  }),
  endpoint(operations.redeem, ({ c, surroundings, platform, scope, body }) =>
    redeemForScope(surroundings, platform, clientIpOf(c), scope, body.code),
  ),
]
