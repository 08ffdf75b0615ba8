import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Limits } from '#shared/contracts/account.ts'
import { checkedNanos } from '#shared/values/money.ts'
import type { Db } from '../client.ts'
import { readRowsAtomically } from '../statements.ts'

export interface NewCustomerRow {
  organizationId: string
  name: string
  overdraftNanos: number
  lowBalanceNanos: number | null
  limits: Limits
  /** `createdBy` is the id of who makes it. */
  key: { keyId: string; name: string; keyHash: string; redacted: string; createdBy?: string }
  /** The opening credit; null when the customer begins with nothing. */
  credit: { amountNanos: number; eventId: string; reason: string } | null
}

/** A customer with its first key and its opening credit: all of it or nothing. An id that exists already is a thrown error. */
export async function createCustomer(db: Db, customer: NewCustomerRow): Promise<void> {
  const { organizationId, key, credit } = customer
  const balanceNanos = checkedNanos(credit?.amountNanos ?? 0)
  const statements: [SQL, ...SQL[]] = [
    sql`insert into organizations (id, name, overdraft_nanos, low_balance_nanos, limits, balance_nanos) values (
      ${organizationId}, ${customer.name}, ${checkedNanos(customer.overdraftNanos)}::bigint, ${customer.lowBalanceNanos}::bigint,
      ${JSON.stringify(customer.limits)}::jsonb,
      ${balanceNanos}::bigint)`,
    sql`insert into api_keys (id, organization_id, name, key_hash, redacted, created_by)
      values (${key.keyId}, ${organizationId}, ${key.name}, ${key.keyHash}, ${key.redacted}, ${key.createdBy ?? null})`,
  ]
  if (credit) {
    statements.push(sql`insert into ledger_entries (organization_id, amount_nanos, kind, event_id, reason)
      values (${organizationId}, ${balanceNanos}::bigint, 'credit', ${credit.eventId}, ${credit.reason})`)
  }
  await readRowsAtomically(db, statements, z.unknown())
}
