import type { EventFacts, InvitationFacts, LinkFacts, SpendAlertFacts } from '#db/queries/mail/read-mail-facts.ts'
import type { PausedWebhookFacts } from '#db/queries/mail/read-webhook-facts.ts'
import { formatUsd } from '#shared/values/money.ts'
import { oneLine } from '#workers/services/mail/compose.ts'
import type { Letter } from './letter.ts'

/** Longest name within a mail, in characters; names of people and organizations are shorter, what a provider told may be longer. */
const nameLength = 120

/** The mail with a link of `mail_tokens`. */
export function linkLetter({ purpose, email, name, expiresAtMs }: LinkFacts, portalUrl: string, secret: string): Letter {
  const { path, subject, what, label, ifNot } = links[purpose]
  return {
    subject,
    paragraphs: [greet(name), what.replace('{email}', email)],
    action: { label, url: `${portalUrl}/${path}#token=${secret}` },
    closing: [`The link works once, until ${moment(expiresAtMs)}.`, ifNot],
  }
}

const links = {
  verify_email: {
    path: 'verify-email',
    subject: 'Confirm your e-mail address',
    what: 'An account of Rocket Relay was made with the address {email}. Confirm that it is yours.',
    label: 'Confirm the address',
    ifNot: 'If you did not make an account, do nothing: without this link the address is not confirmed.',
  },
  reset_password: {
    path: 'reset-password',
    subject: 'Reset your password',
    what: 'Somebody asked for a new password of the account with the address {email}.',
    label: 'Choose a new password',
    ifNot: 'If that was not you, do nothing: your password stays as it is, and nobody can change it without this link.',
  },
  change_email: {
    path: 'confirm-email',
    subject: 'Confirm your new e-mail address',
    what: 'The owner of an account of Rocket Relay wants to use the address {email} for it.',
    label: 'Use this address',
    ifNot: 'If that was not you, do nothing: without this link nothing is changed.',
  },
} as const

export function invitationLetter(facts: InvitationFacts, portalUrl: string, secret: string): Letter {
  const organization = nameOf(facts.organization)
  const inviter = facts.inviter === null ? 'Somebody' : nameOf(facts.inviter)
  return {
    subject: `Invitation to ${organization}`,
    paragraphs: [`${inviter} invites you to the organization "${organization}" at Rocket Relay, as ${facts.role.replace('_', ' ')}.`],
    action: { label: 'Look at the invitation', url: `${portalUrl}/invitations#token=${secret}` },
    closing: [
      `The invitation is open until ${moment(facts.expiresAtMs)}. It can be accepted with an account that has this address.`,
      'If you do not know who invites you, do nothing.',
    ],
  }
}

export function spendAlertLetter(facts: SpendAlertFacts, firstDay: string, portalUrl: string): Letter {
  const organization = nameOf(facts.organization)
  const when = facts.period === 'day' ? `on ${firstDay}` : `in ${firstDay.slice(0, 7)}`
  return {
    subject: `Spend alert: $${formatUsd(facts.amountNanos)} reached`,
    paragraphs: [
      `The organization "${organization}" has spent $${formatUsd(facts.amountNanos)} or more ${when} (UTC). You asked to be told at this sum.`,
      'Nothing was stopped: an alert only tells. A limit of spend on the organization or on a key stops requests.',
    ],
    action: { label: 'See what was used', url: portalUrl },
    closing: [`This alert comes once a ${facts.period}.`],
  }
}

/** The mail about an event that tells of money. */
export function eventLetter({ organization, balanceNanos, event }: EventFacts, portalUrl: string): Letter {
  const of = `the organization "${nameOf(organization)}"`
  const balance = `The balance of ${of} is ${dollars(balanceNanos)}.`
  return {
    ...wordsOf(event, of, balance),
    action: { label: 'Look at the balance', url: portalUrl },
    closing: ['You get this mail as an owner or billing admin of the organization.'],
  }
}

function wordsOf({ type, data }: EventFacts['event'], of: string, balance: string): Pick<Letter, 'subject' | 'paragraphs'> {
  switch (type) {
    case 'balance.exhausted':
      return { subject: 'Your credit is used up', paragraphs: [balance, 'Requests are refused with status 402 until credit is added.'] }
    case 'balance.low': {
      const told = `That is below the ${dollars(data.thresholdNanos)} at which you want to be told. Add credit before requests are refused.`
      return { subject: 'Your credit is running low', paragraphs: [balance, told] }
    }
    case 'refund.created': {
      const isRefund = data.cause === 'refund'
      const what = isRefund
        ? `A payment was refunded, and ${dollars(data.amountNanos)} of credit went back with it.`
        : `A payment is disputed at the bank of whoever made it. Until that is decided, ${dollars(data.amountNanos)} of credit is taken back; it comes back if the dispute is decided for us.`
      const closing = 'A balance below zero stops all requests until credit is added.'
      return { subject: isRefund ? 'A payment was refunded' : 'A payment is disputed', paragraphs: [what, balance, closing] }
    }
    case 'topup.failed': {
      const what = `The automatic top-up of ${of} by ${dollars(data.amountNanos)} failed: ${failures[data.reason]}.`
      const next =
        data.retryAt === null
          ? 'It is not tried again by itself. Add credit, check the payment method, and turn automatic top-up on again.'
          : `It is tried again after ${moment(Date.parse(data.retryAt))}. Until then you can add credit, or save another payment method.`
      return { subject: 'An automatic top-up failed', paragraphs: [what, next, balance] }
    }
  }
}

const failures = {
  declined: 'the bank declined the payment',
  authentication_required: 'the bank wants the owner of the card to confirm the payment',
  expired: 'it was not paid in time',
  failed: 'the payment did not go through',
} as const

function dollars(amountNanos: number): string {
  return `$${formatUsd(amountNanos)}`.replace('$-', '-$')
}

export function pausedWebhookLetter(facts: PausedWebhookFacts, portalUrl: string): Letter {
  const organization = nameOf(facts.organization)
  // Only the host: the rest of the URL may hold a secret.
  const host = new URL(facts.url).host
  const last = facts.lastStatus === null ? `"${facts.lastOutcome?.replaceAll('_', ' ') ?? 'unknown'}"` : `status ${facts.lastStatus}`
  const isGone = facts.pausedBecause === 'gone'
  const since = facts.failingSinceMs === null ? '' : ` since ${moment(facts.failingSinceMs)}`
  return {
    subject: isGone ? 'A webhook endpoint is gone' : 'A webhook endpoint was paused',
    paragraphs: [
      isGone
        ? `A webhook endpoint of the organization "${organization}", at ${host}, has answered with status 410: it does not want events any more. It was paused, and what waited for it has failed.`
        : `Every attempt to deliver events of the organization "${organization}" to its webhook endpoint at ${host} has failed${since}. It was paused. The last attempt ended with ${last}.`,
      isGone
        ? 'If it shall get events again, resume it; failed deliveries can be replayed.'
        : 'Mend the endpoint and resume it: what waits is delivered then, and failed deliveries can be replayed. Until then it gets no new events.',
    ],
    action: { label: 'Look at the webhooks', url: `${portalUrl}/webhooks` },
    closing: ['You get this mail as an owner or admin of the organization.'],
  }
}

export function greet(name: string): string {
  return `Hello ${nameOf(name)},`
}

/** Names are given by people, who are not always who gets the mail: one line, nothing invisible, and no address that a mail program would make a link of. */
function nameOf(name: string): string {
  const words = oneLine(name)
    .replaceAll(/(https?:)?\/\/|www\./gi, ' ')
    .trim()
  return [...words].slice(0, nameLength).join('')
}

/** To the minute, in the one time zone that everybody can convert. */
function moment(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
