import { listTopUpsOf, readTopUpOf, type TopUpRow } from '#db/queries/payments/asked-top-ups.ts'
import { readBillingAccount } from '#db/queries/payments/billing-accounts.ts'
import { TopUpId } from '#shared/contracts/api/parameters.ts'
import { paymentOperations as operations, type TopUp } from '#shared/contracts/api/payments.ts'
import { Problem } from '#workers/edge/problem.ts'
import { pageFrom, readCursor } from '#workers/services/cursor.ts'
import { endpoint } from '../endpoint.ts'
import { automaticTopUpOf, replaceAutomaticTopUp } from '../payments/automatic/choose.ts'
import { createTopUp } from '../payments/checkout/create-top-up.ts'
import { openPortal, openSetupPage, removePaymentMethod } from '../payments/checkout/payment-method.ts'

export const paymentEndpoints = [
  endpoint(operations.createTopUp, ({ body, ...visit }) => createTopUp(visit, body)),
  endpoint(operations.listTopUps, async ({ surroundings, scope: { organizationId }, query: { cursor, limit } }) => {
    const list = `top_ups ${organizationId}`
    const beforeId = readCursor(list, cursor, TopUpId)
    const rows = await listTopUpsOf(surroundings.db, organizationId, { beforeId, limit: limit + 1 })
    const { data, next } = pageFrom({ rows, limit, list }, ({ id }) => id)
    return { data: data.map(topUpOf), next }
  }),
  endpoint(operations.readTopUp, async ({ surroundings, scope: { organizationId }, params: { topUpId } }) => {
    const row = await readTopUpOf(surroundings.db, organizationId, topUpId)
    if (!row) throw new Problem('not_found', 'The organization has no such top-up.')
    return topUpOf(row)
  }),
  endpoint(operations.readPaymentMethod, async ({ surroundings, scope }) => {
    const account = await readBillingAccount(surroundings.db, scope.organizationId)
    return { card: account?.card ?? null }
  }),
  endpoint(operations.savePaymentMethod, (visit) => openSetupPage(visit)),
  endpoint(operations.removePaymentMethod, (visit) => removePaymentMethod(visit)),
  endpoint(operations.openPortal, (visit) => openPortal(visit)),
  endpoint(operations.readAutomatic, ({ surroundings, scope }) => automaticTopUpOf(surroundings.db, scope.organizationId)),
  endpoint(operations.replaceAutomatic, async ({ body, ...visit }) => {
    await replaceAutomaticTopUp(visit, body)
    return automaticTopUpOf(visit.surroundings.db, visit.scope.organizationId)
  }),
]

function topUpOf({ id, createdAt, finishedAt, ...row }: TopUpRow): TopUp {
  return { ...row, topUpId: id, createdAt: createdAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null }
}
