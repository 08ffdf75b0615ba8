import { z } from 'zod'
import { listCustomerEvents } from '#db/queries/list-customer-events.ts'
import { type LedgerEntryRow, listLedgerEntries } from '#db/queries/organizations/list-ledger-entries.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import { type LedgerEntry, billingOperations as operations } from '#shared/contracts/api/billing.ts'
import { ledgerCauseOf } from '#shared/contracts/api/ledger-cause.ts'
import { assert } from '#shared/values/assert.ts'
import { pageFrom, readCursor } from '#workers/services/cursor.ts'
import { shownEvent } from '#workers/services/events/shown-event.ts'
import type { Scope } from '../caller/caller.ts'
import { endpoint } from '../endpoint.ts'
import type { Surroundings } from '../env.ts'
import { readBalance } from '../organizations/read-balance.ts'
import { createSpendAlert, deleteSpendAlert, replaceSpendCaps, spendAlertsOf, spendCapsOf } from '../organizations/spend.ts'

/** Rows of lists are numbered from one. */
const RowId = z.int().min(1)

export const billingEndpoints = [
  endpoint(operations.readBalance, ({ surroundings, scope }) => readBalance(surroundings, scope)),
  endpoint(operations.listEntries, async ({ surroundings, scope: { organizationId }, query: { cursor, limit, kinds } }) => {
    const list = `ledger ${organizationId}`
    const beforeId = readCursor(list, cursor, RowId)
    const rows = await listLedgerEntries(surroundings.db, organizationId, { kinds, beforeId, limit: limit + 1 })
    const { data, next } = pageFrom({ rows, limit, list }, ({ id }) => id)
    return { data: data.map(entryOf), next }
  }),
  endpoint(operations.listEvents, async ({ surroundings, scope: { organizationId }, query: { cursor, limit } }) => {
    const list = `events ${organizationId}`
    const beforeId = readCursor(list, cursor, RowId)
    const rows = await listCustomerEvents(surroundings.db, organizationId, { ...(beforeId !== null && { beforeId }), limit: limit + 1 })
    const { data, next } = pageFrom({ rows, limit, list }, ({ id }) => id)
    return { data: data.map(shownEvent), next }
  }),
  endpoint(operations.readCaps, ({ surroundings, scope }) => showCaps(surroundings, scope)),
  endpoint(operations.replaceCaps, async ({ surroundings, platform, scope, body }) => {
    await replaceSpendCaps(platform, scope, body)
    return showCaps(surroundings, scope)
  }),
  endpoint(operations.listAlerts, async ({ surroundings, scope }) => ({
    data: await spendAlertsOf(surroundings.db, scope.organizationId),
  })),
  endpoint(operations.createAlert, ({ platform, scope, body }) => createSpendAlert(platform, scope, body)),
  endpoint(operations.deleteAlert, ({ platform, scope, params }) => deleteSpendAlert(platform, scope, params.alertId)),
]

async function showCaps({ db }: Surroundings, { organizationId, grant }: Scope) {
  const row = await readOrganization(db, organizationId)
  assert(row, 'the guard has seen the organization')
  const caps = spendCapsOf(row.limits)
  const isCapped = Object.values(caps).some((cap) => cap !== null)
  return { isCapped, ...(grant === 'yes' ? caps : spendCapsOf({})) }
}

/** The reason that an operator noted, and who it was, is between the operators: only that it was one is shown. */
function entryOf({ id, kind, amountNanos, eventId, createdAt }: LedgerEntryRow): LedgerEntry {
  const cause = ledgerCauseOf(eventId)
  const requestId = 'requestId' in cause ? cause.requestId : null
  return { entryId: id, kind, amountNanos, cause, requestId, createdAt: createdAt.toISOString() }
}
