import type { Db } from '#db/client.ts'
import { type CreditGrantRow, listCreditGrants } from '#db/queries/promotions/credit-grants.ts'
import { readSettledGrants } from './settle-grants.ts'

/** Grants of an organization, the newest first, before the given one, with what is left of them now. */
export async function listGrants(
  db: Db,
  organizationId: string,
  page: { beforeId: string | null; limit: number },
): Promise<CreditGrantRow[]> {
  const rows = await listCreditGrants(db, organizationId, page)
  // Read after the rows: a grant of them that is not among these was taken back, meanwhile at the latest.
  const settled = await readSettledGrants(db, organizationId)
  const left = new Map(settled?.grants.map(({ id, remainingNanos }) => [id, remainingNanos]))
  return rows.map((row) => ({ ...row, remainingNanos: left.get(row.id) ?? 0 }))
}
