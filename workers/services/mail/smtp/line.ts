import { assert } from '#shared/values/assert.ts'
import type { SmtpSocket } from './socket.ts'

/** Longest wait for a connection, and for each reply, in milliseconds. A server that scans a mail may think for a while. */
export interface SmtpPatience {
  connectMs: number
  replyMs: number
}

/** Longest reply, in characters: no server has that much to say. */
const longestReply = 16_384

/** Why a conversation ended before its time. Nothing that we said is in its message. */
export class SmtpFailure extends Error {
  override name = 'SmtpFailure'
}

/** RFC 5321, section 4.2: a code of three digits, and text for people. */
export interface SmtpReply {
  code: number
  text: string
  /** Each line without its code, such as the extensions a server offers. */
  lines: string[]
}

/** One connection: lines out, replies in. After a failure it is of no further use. */
export class SmtpLine {
  readonly #socket: SmtpSocket
  readonly #replyMs: number
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>
  readonly #decoder = new TextDecoder()
  #received = ''

  constructor(socket: SmtpSocket, replyMs: number) {
    this.#socket = socket
    this.#replyMs = replyMs
    this.#reader = socket.readable.getReader()
    this.#writer = socket.writable.getWriter()
  }

  /** Sends a line, which must be one, and answers what the server replies. */
  ask(command: string): Promise<SmtpReply> {
    assert(!/[\r\n]/.test(command), 'a command is one line')
    return this.send(`${command}\r\n`)
  }

  /** Sends text as it is, and answers what the server replies. */
  async send(text: string): Promise<SmtpReply> {
    await within(this.#replyMs, this.#writer.write(new TextEncoder().encode(text)))
    return this.reply()
  }

  async reply(): Promise<SmtpReply> {
    const lines: string[] = []
    for (;;) {
      const line = await this.#readLine()
      const [, code = '', more = '', text = ''] = /^([2-5]\d\d)([ -]?)(.*)$/.exec(line) ?? []
      if (code === '') throw new SmtpFailure('the server does not speak SMTP')
      lines.push(text)
      if (more !== '-') return { code: Number(code), text: `${code} ${lines.join(' ')}`.trim(), lines }
    }
  }

  /** Encrypts the connection. What came in clear behind the server's word is an attack (RFC 3207, section 6), and ends it. */
  secure(): SmtpLine {
    if (this.#received !== '') throw new SmtpFailure('the server went on in clear')
    this.#reader.releaseLock()
    this.#writer.releaseLock()
    return new SmtpLine(this.#socket.startTls(), this.#replyMs)
  }

  /** Does not wait: a socket may never tell that it is closed. */
  close(): void {
    void this.#socket.close().catch(() => undefined)
  }

  async #readLine(): Promise<string> {
    for (;;) {
      const end = this.#received.indexOf('\n')
      if (end >= 0) {
        const line = this.#received.slice(0, end).replace(/\r$/, '')
        this.#received = this.#received.slice(end + 1)
        return line
      }
      if (this.#received.length > longestReply) throw new SmtpFailure('a reply of the server has no end')
      const { done, value } = await within(this.#replyMs, this.#reader.read())
      if (done) throw new SmtpFailure('the server closed the connection')
      this.#received += this.#decoder.decode(value, { stream: true })
    }
  }
}

/** Rejects with an SmtpFailure after a while, and when the work itself fails: what a socket says of that differs by platform. */
export async function within<Value>(timeoutMs: number, work: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SmtpFailure(`no answer of the server within ${timeoutMs} ms`)), timeoutMs)
  })
  const failed = work.catch((error: unknown) => {
    throw new SmtpFailure('the connection to the server failed', { cause: error })
  })
  try {
    return await Promise.race([failed, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
