import { MailMessage } from '#shared/contracts/mail-message.ts'
import { logFailure, reasonOf } from '#workers/edge/log.ts'
import type { Mailer } from '#workers/services/mail/mailer.ts'
import { firstRetrySeconds, longestRetrySeconds } from './limits.ts'
import { type Writing, writeMail } from './write-mail.ts'

/** What the consumer uses of a queue's message. */
export interface QueueMessage {
  readonly id: string
  readonly body: unknown
  readonly attempts: number
  ack(): void
  retry(options: { delaySeconds: number }): void
}

export interface MailOffice extends Writing {
  /** Connects to the platform's mail server; null when none is set. */
  openMailer(): Promise<Mailer | null>
}

type Fate =
  | 'sent'
  /** What it would say is no longer true. */
  | 'outdated'
  /** Never parses. */
  | 'invalid'
  /** The mail server will not take it, now or later. */
  | 'refused'
  | 'retried'

/** One line of log: counts and time, never an address. */
export type MailSummary = { event: 'mails_consumed'; durationMs: number } & Record<Fate, number>

/**
 * Writes and sends what the messages stand for, each judged alone, over one connection. What may go better another time is delivered again, later each time,
 * and parked by the queue in the end. Never throws. A mail whose connection breaks before the server's word may be sent twice.
 */
export async function consumeMails(office: MailOffice, messages: readonly QueueMessage[]): Promise<MailSummary> {
  const startedMs = Date.now()
  const line = new Line(office)
  const summary: MailSummary = { event: 'mails_consumed', durationMs: 0, sent: 0, outdated: 0, invalid: 0, refused: 0, retried: 0 }
  for (const message of messages) {
    const fate = await judge(office, line, message)
    summary[fate]++
    if (fate === 'retried') message.retry({ delaySeconds: retryAfterSeconds(message.attempts) })
    else message.ack()
  }
  line.close()
  summary.durationMs = Date.now() - startedMs
  return summary
}

async function judge(office: MailOffice, line: Line, { id, body }: QueueMessage): Promise<Fate> {
  const message = MailMessage.safeParse(body)
  if (!message.success) {
    logFailure('mail_invalid', new Error(message.error.issues.map(({ path }) => path.join('.') || 'message').join(', ')), { messageId: id })
    return 'invalid'
  }
  const facts = { messageId: id, kind: message.data.kind }
  try {
    const mail = await writeMail(office, message.data, id)
    if (!mail) return 'outdated'
    const { outcome, answer } = await line.send((mailer) => mailer.send(mail))
    if (outcome === 'accepted') return 'sent'
    // The server's text may name the address; its codes do not.
    logFailure(`mail_${outcome}`, new Error(/^\d{3}( \d\.\d{1,3}\.\d{1,3})?/.exec(answer)?.[0] ?? 'no code'), facts)
    return outcome === 'refused' ? 'refused' : 'retried'
  } catch (error) {
    logFailure('mail_not_sent', error, facts)
    return 'retried'
  }
}

/** The connection of a batch: opened for the first mail, and anew after one broke it. A server that cannot be reached is not tried again. */
class Line {
  readonly #office: MailOffice
  #mailer: Mailer | null = null
  #unreachable: string | null = null

  constructor(office: MailOffice) {
    this.#office = office
  }

  async send<Answer>(work: (mailer: Mailer) => Promise<Answer>): Promise<Answer> {
    const mailer = await this.#open()
    try {
      return await work(mailer)
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.#mailer?.close()
    this.#mailer = null
  }

  async #open(): Promise<Mailer> {
    if (this.#unreachable !== null) throw new Error(this.#unreachable)
    try {
      this.#mailer ??= await this.#office.openMailer()
    } catch (error) {
      this.#unreachable = `not tried again: ${reasonOf(error)}`
      throw error
    }
    if (!this.#mailer) throw new Error('no mail server is set: npm run relay -- mail set')
    return this.#mailer
  }
}

/** Doubles with each attempt, and is spread so that messages that failed together do not return together. */
function retryAfterSeconds(attempts: number): number {
  const longest = Math.min(firstRetrySeconds * 2 ** Math.max(0, attempts - 1), longestRetrySeconds)
  return Math.ceil(longest * (0.5 + Math.random() / 2))
}
