import type { Db } from '#db/client.ts'
import { lockOrganizations } from '#db/queries/lock-organizations.ts'
import { type CreditGrantRow, type GrantsToSettle, readGrantsToSettle, saveSettledGrants } from '#db/queries/promotions/credit-grants.ts'
import { spendFromGrants } from './spend-from-grants.ts'

/** What an organization has, with every grant that was not taken back and what is left of it, those that end first before the rest. */
export interface SettledGrants {
  balanceNanos: number
  grants: CreditGrantRow[]
}

/**
 * Sets what requests have spent against promotional credit, and locks the organization. Call it before that credit is given or taken back: what was spent
 * until then was spent of the grants that there were. Null when there is no such organization. May be called twice.
 */
export async function settleGrants(tx: Db, organizationId: string): Promise<SettledGrants | null> {
  await tx.execute(lockOrganizations([organizationId]))
  const read = await readGrantsToSettle(tx, organizationId)
  if (!read) return null
  const settled = settledOf(read)
  const before = new Map(read.grants.map(({ id, remainingNanos }) => [id, remainingNanos]))
  const changed = settled.grants.filter(({ id, remainingNanos }) => before.get(id) !== remainingNanos)
  await saveSettledGrants(tx, organizationId, changed)
  return settled
}

/** What settleGrants would find now; locks and writes nothing. */
export async function readSettledGrants(db: Db, organizationId: string): Promise<SettledGrants | null> {
  const read = await readGrantsToSettle(db, organizationId)
  return read && settledOf(read)
}

function settledOf({ balanceNanos, spentNanos, grants }: GrantsToSettle): SettledGrants {
  return { balanceNanos, grants: spendFromGrants(grants, spentNanos) }
}
