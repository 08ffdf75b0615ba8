import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { eventData } from '#shared/contracts/events/customer-event.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const LinkFacts = z.object({
  purpose: z.enum(['verify_email', 'reset_password', 'change_email']),
  email: z.string(),
  name: z.string(),
  expiresAtMs: SafeBigint,
})
export type LinkFacts = z.infer<typeof LinkFacts>

/** What a mail with a link of `mail_tokens` says; null when the link works no more, or no longer leads to the account that it was made for. */
export async function readLinkFacts(db: Db, tokenId: string): Promise<LinkFacts | null> {
  const statement = sql`
    select t.purpose, t.email, u.name, floor(extract(epoch from t.expires_at) * 1000)::bigint as "expiresAtMs"
    from mail_tokens t join users u on u.id = t.user_id
    where t.id = ${tokenId} and t.used_at is null and t.expires_at > now() and u.deleted_at is null
      and (t.purpose = 'change_email' or t.email = u.email)`
  const [row] = await readRows(db, statement, LinkFacts)
  return row ?? null
}

const InvitationFacts = z.object({
  email: z.string(),
  role: z.string(),
  organization: z.string(),
  /** Name of the person who invited; null when a management key did. */
  inviter: z.string().nullable(),
  expiresAtMs: SafeBigint,
})
export type InvitationFacts = z.infer<typeof InvitationFacts>

/** What an invitation's mail says; null when it can no longer be accepted. */
export async function readInvitationFacts(db: Db, invitationId: string): Promise<InvitationFacts | null> {
  const statement = sql`
    select i.email, i.role, o.name as organization, u.name as inviter, floor(extract(epoch from i.expires_at) * 1000)::bigint as "expiresAtMs"
    from invitations i join organizations o on o.id = i.organization_id
    left join users u on u.id = i.invited_by
    where i.id = ${invitationId} and i.accepted_at is null and i.revoked_at is null and i.expires_at > now() and o.deleted_at is null`
  const [row] = await readRows(db, statement, InvitationFacts)
  return row ?? null
}

const Recipient = z.object({
  /** Null once the account is deleted. */
  email: z.string().nullable(),
  name: z.string(),
})
export type Recipient = z.infer<typeof Recipient>

/** Whom a notice about an account is for; null when there never was such an account. */
export async function readRecipient(db: Db, userId: string): Promise<Recipient | null> {
  const [row] = await readRows(db, sql`select email, name from users where id = ${userId}`, Recipient)
  return row ?? null
}

const SpendAlertFacts = z.object({ email: z.string(), organization: z.string(), period: z.enum(['day', 'month']), amountNanos: SafeBigint })
export type SpendAlertFacts = z.infer<typeof SpendAlertFacts>

/** What the mail about a spend alert says; null when the alert is gone, or the user is nobody who is told of money any more. */
export async function readSpendAlertFacts(
  db: Db,
  { alertId, userId }: { alertId: string; userId: string },
): Promise<SpendAlertFacts | null> {
  const statement = sql`
    select u.email, o.name as organization, a.period, a.amount_nanos as "amountNanos"
    from spend_alerts a join organizations o on o.id = a.organization_id
    join memberships m on m.organization_id = o.id join users u on u.id = m.user_id
    where a.id = ${alertId} and u.id = ${userId} and ${isToldOfMoney}`
  const [row] = await readRows(db, statement, SpendAlertFacts)
  return row ?? null
}

const EventFacts = z.object({
  email: z.string(),
  organization: z.string(),
  balanceNanos: SafeBigint,
  event: z.discriminatedUnion('type', [
    z.object({ type: z.literal('balance.low'), data: eventData['balance.low'] }),
    z.object({ type: z.literal('balance.exhausted'), data: eventData['balance.exhausted'] }),
    z.object({ type: z.literal('refund.created'), data: eventData['refund.created'] }),
    z.object({ type: z.literal('topup.failed'), data: eventData['topup.failed'] }),
  ]),
})
export type EventFacts = z.infer<typeof EventFacts>

/**
 * What the mail about an event says, with the balance as it is now; null when it told of a balance that is above the threshold again, or the user is not told of
 * money any more.
 */
export async function readEventFacts(db: Db, { eventId, userId }: { eventId: number; userId: string }): Promise<EventFacts | null> {
  const statement = sql`
    select u.email, o.name as organization, o.balance_nanos as "balanceNanos", jsonb_build_object('type', e.type, 'data', e.data) as event
    from customer_events e join organizations o on o.id = e.organization_id
    join memberships m on m.organization_id = o.id join users u on u.id = m.user_id
    where e.id = ${eventId} and u.id = ${userId} and ${isToldOfMoney}
      and (e.type not in ('balance.low', 'balance.exhausted') or o.balance_nanos < (e.data ->> 'thresholdNanos')::bigint)`
  const [row] = await readRows(db, statement, EventFacts)
  return row ?? null
}

/** Owners and billing admins, at addresses that are shown to be theirs, of an organization that is not deleted; reads `o`, `m` and `u`. */
export const isToldOfMoney = sql`
  m.role in ('owner', 'billing_admin') and u.email_verified_at is not null and u.deleted_at is null and o.deleted_at is null`
