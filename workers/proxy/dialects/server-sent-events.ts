import { joinBytes } from '#shared/values/bytes.ts'

const lineFeed = 10
const carriageReturn = 13

/**
 * Cuts a stream of server-sent events (WHATWG HTML, section 9.2) into events without touching their bytes. Lines may end in LF, CR or CRLF and a
 * chunk may end anywhere, also between CR and LF. An event's bytes include the blank line that ends it. Chunks are kept as views, not copied.
 */
export class EventSplitter {
  #parts: Uint8Array[] = []
  #lineIsEmpty = true
  #afterReturn = false

  /** Bytes that belong to an event not ended yet. */
  get pending(): Uint8Array {
    return joinBytes(this.#parts)
  }

  /** Whether the next chunk begins and ends between events, as most do in practice. It then need not be fed. */
  isWhole(chunk: Uint8Array): boolean {
    return this.#parts.length === 0 && !this.#afterReturn && chunk.at(-1) === lineFeed && chunk.at(-2) === lineFeed
  }

  /** Takes the next chunk and returns the events that it completes. Looks at each byte once, however long an event grows. */
  feed(chunk: Uint8Array): Uint8Array[] {
    const events: Uint8Array[] = []
    let eventStart = 0
    let lineStart = 0
    let feed = indexFrom(chunk, lineFeed, 0)
    let carriage = indexFrom(chunk, carriageReturn, 0)
    for (let at = Math.min(feed, carriage); at < chunk.length; at = Math.min(feed, carriage)) {
      const isReturn = at === carriage
      const isBlank = at === lineStart && this.#lineIsEmpty
      const closesReturn = isBlank && this.#afterReturn && !isReturn
      const hasFeed = isBlank && isReturn && chunk[at + 1] === lineFeed
      lineStart = hasFeed ? at + 2 : at + 1
      this.#lineIsEmpty = true
      this.#afterReturn = isReturn && !hasFeed
      if (isBlank && !closesReturn) {
        events.push(this.#endEvent(chunk.subarray(eventStart, lineStart)))
        eventStart = lineStart
      }
      if (feed < lineStart) feed = indexFrom(chunk, lineFeed, lineStart)
      if (carriage < lineStart) carriage = indexFrom(chunk, carriageReturn, lineStart)
    }
    if (lineStart < chunk.length) this.#lineIsEmpty = false
    if (eventStart < chunk.length) this.#parts.push(chunk.subarray(eventStart))
    return events
  }

  #endEvent(last: Uint8Array): Uint8Array {
    if (this.#parts.length === 0) return last
    const event = joinBytes([...this.#parts, last])
    this.#parts = []
    return event
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

/** The `event` of one event; undefined when it does not say. */
export function eventName(event: Uint8Array): string | undefined {
  return /^event: ?(.*)$/m.exec(decoder.decode(event))?.[1]
}

/** Strips a byte order mark, as the specification wants of a stream's first event; broken UTF-8 becomes U+FFFD. */
const decoder = new TextDecoder()

/** The place of a byte at or after `from`; the length when there is none. */
function indexFrom(bytes: Uint8Array, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from)
  return at === -1 ? bytes.length : at
}
