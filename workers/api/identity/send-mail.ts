import type { MailMessage } from '#shared/contracts/mail-message.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { Surroundings } from '../env.ts'

/**
 * Asks for a mail, after the commit of what it tells. A queue that does not take it fails nothing: what was done stands, and an answer that failed for
 * accounts alone would tell which addresses have one. Who waits for a link asks for another.
 */
export async function sendMail({ mail }: Pick<Surroundings, 'mail'>, message: MailMessage): Promise<void> {
  await mail.send(message).catch((error: unknown) => logFailure('mail_not_queued', error, { kind: message.kind }))
}
