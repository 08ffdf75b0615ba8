import type { MailTest } from '#shared/contracts/mail-settings.ts'
import { type MailPlatform, openMailer } from './mailer.ts'
import { SmtpFailure } from './smtp/line.ts'

/** Sends a mail that says nothing, and answers what the mail server said to it; null when no server is set. */
export async function testMail(platform: MailPlatform, to: string): Promise<MailTest | null> {
  try {
    const mailer = await openMailer(platform)
    if (!mailer) return null
    const text = 'This is a test of the mail server that Rocket Relay sends by. There is nothing to do.'
    const mail = { to, subject: 'A test of Rocket Relay', text, html: `<p>${text}</p>`, id: crypto.randomUUID() }
    return await mailer.send(mail).finally(() => mailer.close())
  } catch (error) {
    if (error instanceof SmtpFailure) return { outcome: 'unreachable', answer: error.message }
    throw error
  }
}
