import { and, asc, eq } from 'drizzle-orm'
import { assert } from '#shared/values/assert.ts'
import type { Db } from '../../client.ts'
import { spendAlerts } from '../../schema/index.ts'

export type SpendAlertRow = typeof spendAlerts.$inferSelect

/** The alerts of an organization in the order in which they were made; how many there can be is for who adds them. */
export function listSpendAlerts(db: Db, organizationId: string): Promise<SpendAlertRow[]> {
  return db.select().from(spendAlerts).where(eq(spendAlerts.organizationId, organizationId)).orderBy(asc(spendAlerts.id))
}

export async function addSpendAlert(tx: Db, alert: typeof spendAlerts.$inferInsert): Promise<SpendAlertRow> {
  const [row] = await tx.insert(spendAlerts).values(alert).returning()
  assert(row, 'an insert without a condition answers its row')
  return row
}

/** Answers the alert that is gone; null when the organization has no such alert. */
export async function removeSpendAlert(tx: Db, organizationId: string, alertId: string): Promise<SpendAlertRow | null> {
  const which = and(eq(spendAlerts.organizationId, organizationId), eq(spendAlerts.id, alertId))
  const [row] = await tx.delete(spendAlerts).where(which).returning()
  return row ?? null
}
