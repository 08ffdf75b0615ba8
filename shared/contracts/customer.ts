import { z } from 'zod'
import { DisplayName } from '../values/display-name.ts'
import { Nanos, SignedNanos } from '../values/money.ts'
import { Limits } from './account.ts'
import { CustomerKey } from './customer-key.ts'

export const OrganizationId = z.string().regex(/^org_[0-9a-z_]{1,64}$/, 'is not an organization id, such as org_01jd7m3v9c4t8k2n5q6r7s8w9x')

/** Limits as an operator writes them: a misspelt limit is refused, because it would otherwise silently not limit. */
export const LimitsInput = z.strictObject(Limits.shape)

/** The balance below which `balance.low` is raised; null raises none. */
export const LowBalance = Nanos.nullable()

/** A new customer, with its first key. All of it is made in one transaction, or nothing. */
export const NewCustomer = z.strictObject({
  name: DisplayName.optional(),
  creditNanos: Nanos.optional(),
  overdraftNanos: Nanos.optional(),
  lowBalanceNanos: LowBalance.optional(),
  limits: LimitsInput.optional(),
})
export type NewCustomer = z.infer<typeof NewCustomer>

/** The only answer that ever carries the key itself. */
export const CreatedCustomer = z.object({ organizationId: z.string(), keyId: z.string(), apiKey: z.string() })
export type CreatedCustomer = z.infer<typeof CreatedCustomer>

export const CustomerStatus = z.enum(['active', 'suspended'])
export type CustomerStatus = z.infer<typeof CustomerStatus>

/** A customer as Postgres has it. `version` rises with every change of balance, limits, status or keys. */
export const Customer = z.object({
  organizationId: z.string(),
  name: z.string(),
  status: CustomerStatus,
  balanceNanos: SignedNanos,
  overdraftNanos: Nanos,
  lowBalanceNanos: LowBalance,
  version: z.int().min(0),
  limits: Limits,
  createdAt: z.iso.datetime(),
})
export type Customer = z.infer<typeof Customer>

/** One page of customers in order of id; `next` is the `after` of the next page, null on the last one. */
export const CustomerList = z.object({ customers: z.array(Customer), next: z.string().nullable() })
export type CustomerList = z.infer<typeof CustomerList>

export const CustomerPage = z.strictObject({ after: OrganizationId.optional() })

/** What only the ledger object knows: money held by running requests, and money spent that Postgres has not posted yet. */
export const LedgerView = z.object({ heldNanos: z.int(), unconfirmedNanos: z.int(), availableNanos: z.int() })
export type LedgerView = z.infer<typeof LedgerView>

/** `ledger` is null, and `ledgerNote` says why, when the object could not be asked. */
export const CustomerDetail = Customer.extend({
  ledger: LedgerView.nullable(),
  ledgerNote: z.string().nullable(),
  keys: z.array(CustomerKey),
})
export type CustomerDetail = z.infer<typeof CustomerDetail>

/** Replaces all limits of a customer; `overdraftNanos` and `lowBalanceNanos` stay as they are when absent. */
export const CustomerLimitsChange = z.strictObject({
  limits: LimitsInput,
  overdraftNanos: Nanos.optional(),
  lowBalanceNanos: LowBalance.optional(),
})
export type CustomerLimitsChange = z.infer<typeof CustomerLimitsChange>

export const CustomerStatusChange = z.strictObject({ status: CustomerStatus })
export type CustomerStatusChange = z.infer<typeof CustomerStatusChange>

/**
 * Answer to a change of a customer or a key. The change is committed; `pushed` says whether the ledger object heard of it at once.
 * When false, it learns of it when its snapshot's time to live runs out.
 */
export const ChangeAnswer = z.object({ organizationId: z.string(), pushed: z.boolean() })
export type ChangeAnswer = z.infer<typeof ChangeAnswer>
