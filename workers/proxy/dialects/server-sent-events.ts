const lineFeed = 10
const carriageReturn = 13

/**
 * Cuts a stream of server-sent events (WHATWG HTML, section 9.2) into events without touching their bytes. Lines may end in LF, CR or CRLF and a
 * chunk may end anywhere, also between CR and LF. An event's bytes include the blank line that ends it.
 */
export class EventSplitter {
  #pending: Uint8Array = new Uint8Array(0)
  #lineStart = 0
  #afterReturn = false

  /** Bytes that belong to an event not ended yet. */
  get pending(): Uint8Array {
    return this.#pending
  }

  /** Takes the next chunk and returns the events that it completes. */
  feed(chunk: Uint8Array): Uint8Array[] {
    const from = this.#pending.length
    const bytes = from === 0 ? chunk : joinBytes([this.#pending, chunk])
    const events: Uint8Array[] = []
    let eventStart = 0
    for (let at = nextLineEnd(bytes, from); at !== -1; at = nextLineEnd(bytes, at + 1)) {
      const isReturn = bytes[at] === carriageReturn
      const closesReturn = !isReturn && this.#afterReturn && at === this.#lineStart
      this.#afterReturn = isReturn
      if (closesReturn) this.#lineStart = at + 1
      else if (at > this.#lineStart) this.#lineStart = at + 1
      else {
        const end = isReturn && bytes[at + 1] === lineFeed ? at + 2 : at + 1
        if (end === at + 2) {
          at += 1
          this.#afterReturn = false
        }
        events.push(bytes.subarray(eventStart, end))
        eventStart = end
        this.#lineStart = end
      }
    }
    this.#pending = eventStart === 0 ? bytes : bytes.subarray(eventStart)
    this.#lineStart -= eventStart
    return events
  }
}

/** The `data` of one event: its data lines joined by LF; null when it has none, as a comment. */
export function eventData(event: Uint8Array): string | null {
  const text = decoder.decode(event)
  const lines: string[] = []
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.startsWith('data:')) lines.push(line.charCodeAt(5) === 32 ? line.slice(6) : line.slice(5))
    else if (line === 'data') lines.push('')
  }
  return lines.length === 0 ? null : lines.join('\n')
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Strips a byte order mark, as the specification wants of a stream's first event; broken UTF-8 becomes U+FFFD. */
const decoder = new TextDecoder()

function nextLineEnd(bytes: Uint8Array, from: number): number {
  const feed = bytes.indexOf(lineFeed, from)
  const end = feed === -1 ? bytes.length : feed
  const carriage = bytes.subarray(from, end).indexOf(carriageReturn)
  return carriage === -1 ? feed : from + carriage
}
