import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'
import { lockOrganizations } from '../lock-organizations.ts'
import { isOfPlatformMode, platformMode } from './billing-accounts.ts'

const AutomaticAccount = z.object({
  organizationId: z.string(),
  isActive: z.boolean(),
  balanceNanos: SafeBigint,
  livemode: z.boolean().nullable(),
  stripeCustomerId: z.string().nullable(),
  paymentMethodId: z.string().nullable(),
  automatic: z.boolean(),
  thresholdNanos: SafeBigint.nullable(),
  amountNanos: SafeBigint.nullable(),
  monthlyCapNanos: SafeBigint.nullable(),
  stoppedBecause: z.enum(['declined', 'authentication_required', 'payment_method_removed', 'payment_returned']).nullable(),
  /** An automatic top-up whose payment is not settled, or looked into. */
  isUnderWay: z.boolean(),
  /** Of automatic top-ups since the last one that succeeded. */
  failures: SafeBigint,
  lastFailure: z.enum(['declined', 'authentication_required', 'expired', 'failed']).nullable(),
  lastFailedAtMs: SafeBigint.nullable(),
  /** Whether money of one went back. */
  isReturned: z.boolean(),
  /** Charged by itself in this UTC month, or about to be. */
  spentNanos: SafeBigint,
})
/** How an organization's balance is topped up by itself, and what became of that since it was turned on. */
export type AutomaticAccount = z.infer<typeof AutomaticAccount>

/** All of it is read from the top-ups themselves, so that whoever settles one has nothing else to keep. */
function reading(which: SQL): SQL {
  return sql`
    select billing_accounts.organization_id as "organizationId", o.status = 'active' as "isActive", o.balance_nanos as "balanceNanos", livemode,
      stripe_customer_id as "stripeCustomerId", payment_method_id as "paymentMethodId", automatic, threshold_nanos as "thresholdNanos",
      billing_accounts.amount_nanos as "amountNanos", monthly_cap_nanos as "monthlyCapNanos", stopped_because as "stoppedBecause", past.*
    from billing_accounts
    join organizations o on o.id = billing_accounts.organization_id
    cross join lateral (
      select coalesce(max(id), '') as id from top_ups
      where organization_id = o.id and kind = 'automatic' and status = 'succeeded'
    ) good
    cross join lateral (
      select
        coalesce(bool_or(t.status = 'pending' or (t.status = 'review' and counts)), false) as "isUnderWay",
        count(*) filter (where failed) as failures,
        (array_agg(t.failure order by t.id desc) filter (where failed))[1] as "lastFailure",
        floor(extract(epoch from max(t.finished_at) filter (where failed)) * 1000)::bigint as "lastFailedAtMs",
        coalesce(bool_or(t.returned_nanos > 0 and counts), false) as "isReturned",
        coalesce(sum(t.amount_nanos) filter (
          where t.status <> 'failed' and t.created_at >= date_trunc('month', now(), 'UTC')
        ), 0)::bigint as "spentNanos"
      from top_ups t
      cross join lateral (select t.created_at >= coalesce(billing_accounts.automatic_since, '-infinity') as counts) since
      cross join lateral (select t.status = 'failed' and t.id > good.id and counts as failed) fate
      where t.organization_id = o.id and t.kind = 'automatic'
    ) past
    where ${which} and ${isOfPlatformMode}`
}

/** Null when the organization never chose nor saved anything. */
export async function readAutomaticAccount(db: Db, organizationId: string): Promise<AutomaticAccount | null> {
  const [row] = await readRows(db, reading(sql`o.id = ${organizationId}`), AutomaticAccount)
  return row ?? null
}

/** As readAutomaticAccount, with the organization locked until the transaction ends. */
export async function lockAutomaticAccount(tx: Db, organizationId: string): Promise<AutomaticAccount | null> {
  await tx.execute(lockOrganizations([organizationId]))
  return readAutomaticAccount(tx, organizationId)
}

/** Some of those whose balance is below what they chose and that may be charged; by chance, so that nobody is always behind others. */
export function listLowAccounts(db: Db, limit: number): Promise<AutomaticAccount[]> {
  const low = sql`automatic and o.status = 'active' and o.balance_nanos < threshold_nanos and livemode = ${platformMode}`
  return readRows(db, sql`${reading(low)} and not "isUnderWay" order by random() limit ${limit}`, AutomaticAccount)
}

const UnansweredTopUp = z.object({
  topUpId: z.string(),
  organizationId: z.string(),
  amountNanos: SafeBigint,
  paymentIntentId: z.string().nullable(),
  createdAtMs: SafeBigint,
})
/** An automatic top-up that was, or may have been, asked for at Stripe. */
export type UnansweredTopUp = z.infer<typeof UnansweredTopUp>

/** Automatic top-ups of the platform's mode of which it is not known whether Stripe heard, or that have no end after an hour; by chance. */
export function listUnansweredTopUps(db: Db, limit: number): Promise<UnansweredTopUp[]> {
  const statement = sql`
    select id as "topUpId", organization_id as "organizationId", amount_nanos as "amountNanos", payment_intent_id as "paymentIntentId",
      floor(extract(epoch from created_at) * 1000)::bigint as "createdAtMs"
    from top_ups
    where kind = 'automatic' and status = 'pending' and (payment_intent_id is null or created_at < now() - interval '1 hour')
      and livemode = ${platformMode}
    order by random() limit ${limit}`
  return readRows(db, statement, UnansweredTopUp)
}
