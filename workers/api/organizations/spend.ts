import type { Db } from '#db/client.ts'
import { addSpendAlert, listSpendAlerts, removeSpendAlert, type SpendAlertRow } from '#db/queries/organizations/spend-alerts.ts'
import { changeOrganizationAccount } from '#db/queries/set-organization-account.ts'
import type { Limits } from '#shared/contracts/account.ts'
import type { NewSpendAlert, SpendAlert, SpendCaps } from '#shared/contracts/api/billing.ts'
import { newId } from '#shared/values/id.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { changeAccount } from '#workers/services/ledger/change-account.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Scope } from '../caller/caller.ts'
import { maxSpendAlerts } from '../limits.ts'
import { lockScope } from './lock-scope.ts'

/** The caps among an organization's limits. */
export function spendCapsOf({ spendPerDayNanos, spendPerMonthNanos }: Limits): SpendCaps {
  return { spendPerDayNanos: spendPerDayNanos ?? null, spendPerMonthNanos: spendPerMonthNanos ?? null }
}

/** Sets the caps of an organization. Its other limits are the operator's, and stay. */
export async function replaceSpendCaps(platform: Platform, scope: Scope, wanted: SpendCaps): Promise<void> {
  const { organizationId } = scope
  await changeAccount(platform, organizationId, async (tx) => {
    const before = await lockScope(tx, scope, 'spend.change')
    const { spendPerDayNanos: _, spendPerMonthNanos: __, ...others } = before.limits
    const caps = Object.fromEntries(Object.entries(wanted).filter(([, cap]) => cap !== null))
    await changeOrganizationAccount(tx, organizationId, { limits: { ...others, ...caps } })
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'organization.spend_caps_changed',
      target: { type: 'organization', id: organizationId },
      before: { ...spendCapsOf(before.limits) },
      after: { ...wanted },
    })
  })
}

export async function spendAlertsOf(db: Db, organizationId: string): Promise<SpendAlert[]> {
  return (await listSpendAlerts(db, organizationId)).map(alertOf)
}

/** Asks for a mail when so much is spent in a day or month. */
export async function createSpendAlert(platform: Platform, scope: Scope, wanted: NewSpendAlert): Promise<SpendAlert> {
  const { organizationId } = scope
  return platform.transact(async (tx) => {
    await lockScope(tx, scope, 'spend.change')
    if ((await listSpendAlerts(tx, organizationId)).length >= maxSpendAlerts)
      throw new Problem('conflict', `There are ${maxSpendAlerts} alerts already. Delete some first.`)
    const id = newId('alr')
    const alert = await addSpendAlert(tx, { id, organizationId, ...wanted })
    await recordChange(tx, platform.actor, { ...changeOf(organizationId, id, 'created'), after: { ...wanted } })
    return alertOf(alert)
  })
}

export async function deleteSpendAlert(platform: Platform, scope: Scope, alertId: string): Promise<void> {
  const { organizationId } = scope
  await platform.transact(async (tx) => {
    await lockScope(tx, scope, 'spend.change')
    const alert = await removeSpendAlert(tx, organizationId, alertId)
    if (!alert) throw new Problem('not_found', 'The organization has no such alert.')
    const { period, amountNanos } = alert
    await recordChange(tx, platform.actor, { ...changeOf(organizationId, alertId, 'deleted'), before: { period, amountNanos } })
  })
}

function alertOf({ id, period, amountNanos, createdAt }: SpendAlertRow): SpendAlert {
  return { alertId: id, period, amountNanos, createdAt: createdAt.toISOString() }
}

function changeOf(organizationId: string, alertId: string, what: string) {
  return { chain: { organizationId }, action: `spend_alert.${what}`, target: { type: 'spend_alert', id: alertId } }
}
