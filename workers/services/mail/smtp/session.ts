import type { MailSecurity } from '#shared/contracts/mail-settings.ts'
import { assert } from '#shared/values/assert.ts'
import { encodeBase64 } from '../../secrets/base64url.ts'
import { SmtpFailure, SmtpLine, type SmtpPatience, type SmtpReply, within } from './line.ts'
import type { ConnectSocket } from './socket.ts'

export interface SmtpServer {
  host: string
  port: number
  security: MailSecurity
  credentials: { user: string; password: string } | null
  /** The domain by which we introduce ourselves. */
  domain: string
}

/**
 * What a server says to a mail. `refused`: it will not take this mail, now or later. `deferred`: it may take it another time, or does not take mails from us at
 * all, which somebody has to mend. `answer` is its own last word, which may name the address.
 */
export interface Delivery {
  outcome: 'accepted' | 'refused' | 'deferred'
  answer: string
}

/** The server's last word is shown to operators; longer ones are cut, in characters. */
const answerLength = 500

/** A conversation with a mail server (RFC 5321). Mails follow one another; an `SmtpFailure` ends it. */
export class SmtpSession {
  readonly #line: SmtpLine

  private constructor(line: SmtpLine) {
    this.#line = line
  }

  /** Connects, encrypts and signs in. A server that does not offer what the settings ask for is told nothing more, least of all the password. */
  static async open(connect: ConnectSocket, server: SmtpServer, patience: SmtpPatience): Promise<SmtpSession> {
    const transport = { tls: 'on', starttls: 'starttls', none: 'off' } as const
    const socket = await connect(server, transport[server.security])
    let line = new SmtpLine(socket, patience.replyMs)
    try {
      await within(patience.connectMs, socket.opened)
      expectCode(await line.reply(), 220)
      let offered = await introduce(line, server)
      if (server.security === 'starttls') {
        line = await encrypt(line, offered)
        offered = await introduce(line, server)
      }
      if (server.credentials) await signIn(line, server.credentials, offered.get('AUTH') ?? [])
      return new SmtpSession(line)
    } catch (error) {
      line.close()
      throw error
    }
  }

  /** Hands over one mail, lines ended by CRLF and without the dot at its end. */
  async send(mail: { from: string; to: string; data: string }): Promise<Delivery> {
    for (const address of [mail.from, mail.to]) assert(/^[!-;=?-~]+$/.test(address), 'an address is printable and has no brackets')
    // A sender that is not allowed is a fault of the settings, whatever the server calls it.
    const sender = await this.#line.ask(`MAIL FROM:<${mail.from}>`)
    if (!isPositive(sender)) return this.#reset('deferred', sender)
    const recipient = await this.#line.ask(`RCPT TO:<${mail.to}>`)
    if (!isPositive(recipient)) return this.#reset(outcomeOf(recipient), recipient)
    const invited = await this.#line.ask('DATA')
    if (invited.code !== 354) return this.#reset(outcomeOf(invited), invited)
    const taken = await this.#line.send(`${mail.data.replaceAll(/^\./gm, '..')}\r\n.\r\n`)
    return deliveryOf(outcomeOf(taken), taken)
  }

  /** Takes leave without waiting for the answer. */
  close(): void {
    this.#line
      .ask('QUIT')
      .catch(() => undefined)
      .finally(() => this.#line.close())
  }

  async #reset(outcome: Delivery['outcome'], reply: SmtpReply): Promise<Delivery> {
    expectCode(await this.#line.ask('RSET'), 250)
    return deliveryOf(outcome, reply)
  }
}

/** Answers the extensions that the server offers, with their parameters, in capitals. */
async function introduce(line: SmtpLine, { domain }: SmtpServer): Promise<Map<string, string[]>> {
  const reply = await line.ask(`EHLO ${domain}`)
  expectCode(reply, 250)
  return new Map(reply.lines.slice(1).map((offer) => [offer.split(' ')[0]?.toUpperCase() ?? '', offer.toUpperCase().split(' ').slice(1)]))
}

async function encrypt(line: SmtpLine, offered: Map<string, string[]>): Promise<SmtpLine> {
  if (!offered.has('STARTTLS')) throw new SmtpFailure('the server does not offer STARTTLS')
  expectCode(await line.ask('STARTTLS'), 220)
  return line.secure()
}

async function signIn(line: SmtpLine, { user, password }: { user: string; password: string }, methods: string[]): Promise<void> {
  if (methods.includes('PLAIN')) {
    expectCode(await line.ask(`AUTH PLAIN ${base64Of(`\0${user}\0${password}`)}`), 235)
    return
  }
  if (!methods.includes('LOGIN')) throw new SmtpFailure('the server offers no way of signing in that we know (PLAIN, LOGIN)')
  expectCode(await line.ask('AUTH LOGIN'), 334)
  expectCode(await line.ask(base64Of(user)), 334)
  expectCode(await line.ask(base64Of(password)), 235)
}

function expectCode(reply: SmtpReply, code: number): void {
  if (reply.code !== code) throw new SmtpFailure(`the server says: ${reply.text.slice(0, answerLength)}`)
}

function isPositive({ code }: SmtpReply): boolean {
  return code >= 200 && code < 300
}

function outcomeOf(reply: SmtpReply): Delivery['outcome'] {
  if (isPositive(reply)) return 'accepted'
  // 421: the server is about to go, and says nothing of this mail.
  return reply.code >= 500 ? 'refused' : 'deferred'
}

function deliveryOf(outcome: Delivery['outcome'], { text }: SmtpReply): Delivery {
  return { outcome, answer: text.slice(0, answerLength) }
}

function base64Of(text: string): string {
  return encodeBase64(new TextEncoder().encode(text))
}
