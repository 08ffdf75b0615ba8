/** One message that a client sends to Postgres, as its protocol 3.0 frames it. `statement` is there when the message names one. */
export interface ClientMessage {
  /** The type byte as a letter; empty for what opens a connection. */
  type: string
  bytes: Buffer
  statement: string | null
}

const startupCode = 196_608

/** Cuts what a client sends into messages. Keeps what is not whole until the rest arrives. */
export class ClientMessages {
  #rest: Buffer = Buffer.alloc(0)
  #isOpen = false

  push(chunk: Buffer): ClientMessage[] {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const messages: ClientMessage[] = []
    for (let message = this.#take(); message; message = this.#take()) messages.push(message)
    return messages
  }

  #take(): ClientMessage | null {
    const header = this.#isOpen ? 1 : 0
    if (this.#rest.length < header + 4) return null
    const end = header + this.#rest.readInt32BE(header)
    if (this.#rest.length < end) return null
    const bytes = this.#rest.subarray(0, end)
    this.#rest = this.#rest.subarray(end)
    const type = this.#isOpen ? String.fromCharCode(bytes[0] ?? 0) : ''
    if (!this.#isOpen) this.#isOpen = bytes.length >= 8 && bytes.readInt32BE(4) === startupCode
    return { type, bytes, statement: statementOf(type, bytes) }
  }
}

/** The text of a simple query, or of a statement that is parsed under a name. */
function statementOf(type: string, bytes: Buffer): string | null {
  if (type === 'Q') return textAt(bytes, 5)
  if (type === 'P') return textAt(bytes, bytes.indexOf(0, 5) + 1)
  return null
}

function textAt(bytes: Buffer, start: number): string {
  return bytes.toString('utf8', start, bytes.indexOf(0, start))
}
