import type { Db } from '#db/client.ts'
import { readMailSettings } from '#db/queries/mail/read-mail-settings.ts'
import { mailPasswordPlace } from '#shared/contracts/mail-settings.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import { openSecret } from '../secrets/open.ts'
import { composeMail, domainOf, type Mail } from './compose.ts'
import type { SmtpPatience } from './smtp/line.ts'
import { type Delivery, SmtpSession } from './smtp/session.ts'
import type { ConnectSocket } from './smtp/socket.ts'

export interface MailPlatform {
  db: Db
  keyRing(): KeyRing
  connect: ConnectSocket
}

/** One connection to the platform's mail server. An `SmtpFailure` of `send` ends it: what became of that mail is not known. */
export interface Mailer {
  send(mail: Mail): Promise<Delivery>
  close(): void
}

const patience: SmtpPatience = { connectMs: 10_000, replyMs: 20_000 }

/** Connects as the settings say; null when there are none. Throws an `SmtpFailure`, or a `KekFailure` when the password cannot be opened. */
export async function openMailer({ db, keyRing, connect }: MailPlatform): Promise<Mailer | null> {
  const stored = await readMailSettings(db)
  if (!stored) return null
  const { settings, sealed } = stored
  const { host, port, security, user, from } = settings
  const credentials = user !== null && sealed ? { user, password: await openSecret(keyRing(), mailPasswordPlace, sealed) } : null
  const session = await SmtpSession.open(connect, { host, port, security, credentials, domain: domainOf(from.address) }, patience)
  return {
    send: (mail) => session.send({ from: from.address, to: mail.to, data: composeMail(mail, from, Date.now()) }),
    close: () => session.close(),
  }
}
