import { readEventFacts, readInvitationFacts, readLinkFacts, readRecipient, readSpendAlertFacts } from '#db/queries/mail/read-mail-facts.ts'
import { readPausedWebhookFacts } from '#db/queries/mail/read-webhook-facts.ts'
import type { MailMessage } from '#shared/contracts/mail-message.ts'
import type { Mail } from '#workers/services/mail/compose.ts'
import type { Surroundings } from '../env.ts'
import { signMailLink } from '../identity/mail-links.ts'
import { htmlOf, type Letter, textOf } from './letter.ts'
import { eventLetter, invitationLetter, linkLetter, pausedWebhookLetter, spendAlertLetter } from './letters.ts'
import { noticeLetter } from './notices.ts'

export type Writing = Pick<Surroundings, 'db' | 'transact' | 'keyRing' | 'portalUrl'>

/** The mail that a message stands for, as things are now; null when it would no longer be true. `id` is the message's, which stays when it comes again. */
export async function writeMail(writing: Writing, message: MailMessage, id: string): Promise<Mail | null> {
  const written = await write(writing, message)
  if (!written) return null
  const { to, letter } = written
  return { to, subject: letter.subject, text: textOf(letter), html: htmlOf(letter), id }
}

interface Written {
  to: string
  letter: Letter
}

async function write(writing: Writing, message: MailMessage): Promise<Written | null> {
  const { db, portalUrl } = writing
  switch (message.kind) {
    case 'link': {
      const facts = await readLinkFacts(db, message.tokenId)
      return facts && { to: facts.email, letter: linkLetter(facts, portalUrl, await signMailLink(writing, message.tokenId)) }
    }
    case 'invitation': {
      const facts = await readInvitationFacts(db, message.invitationId)
      return facts && { to: facts.email, letter: invitationLetter(facts, portalUrl, await signMailLink(writing, message.invitationId)) }
    }
    case 'notice':
      return writeNotice(writing, message)
    case 'spend_alert': {
      const facts = await readSpendAlertFacts(db, message)
      return facts && { to: facts.email, letter: spendAlertLetter(facts, message.period, portalUrl) }
    }
    case 'balance': {
      const facts = await readEventFacts(db, message)
      return facts && { to: facts.email, letter: eventLetter(facts, portalUrl) }
    }
    case 'webhook_paused': {
      const facts = await readPausedWebhookFacts(db, message)
      return facts && { to: facts.email, letter: pausedWebhookLetter(facts, portalUrl) }
    }
  }
}

/** Of a deleted account only its end is told, to the address that the message still knows. */
async function writeNotice({ db, portalUrl }: Writing, message: Extract<MailMessage, { kind: 'notice' }>): Promise<Written | null> {
  const recipient = await readRecipient(db, message.userId)
  if (!recipient) return null
  const isDeleted = recipient.email === null
  if (isDeleted && message.notice !== 'account_deleted') return null
  const to = message.email ?? recipient.email
  return to === null ? null : { to, letter: noticeLetter(message.notice, isDeleted ? null : recipient.name, portalUrl) }
}
