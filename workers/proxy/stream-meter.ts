import { joinBytes } from '#shared/values/bytes.ts'
import { emptyReading, parseChunk, type Reading, readAnswer } from './dialects/openai-chat-usage.ts'
import { EventSplitter, eventData } from './dialects/server-sent-events.ts'
import { streamTailBytes, unparsedBytes } from './limits.ts'

/**
 * Reads usage on the side of a stream. Chunks are kept unparsed, because nearly always the last few hundred bytes tell all; only when they do not, or
 * when too much has gathered, is everything parsed.
 */
export class StreamMeter {
  readonly #reading: Reading = emptyReading()
  readonly #splitter = new EventSplitter()
  #kept: Uint8Array[] = []
  #keptBytes = 0
  /** All bytes that passed, and when the last of them did. */
  totalBytes = 0
  lastBytesAtMs = Date.now()

  /** Takes a chunk; copies it, because it may be a view of a buffer that is used again. */
  push(chunk: Uint8Array): void {
    this.#kept.push(chunk.slice())
    this.#keptBytes += chunk.length
    this.totalBytes += chunk.length
    this.lastBytesAtMs = Date.now()
    if (this.#keptBytes > unparsedBytes) this.#parse()
  }

  /** What the stream has told so far, all of it parsed. */
  progress(): Reading {
    this.#parse()
    return this.#reading
  }

  /** What the stream has told when it has ended: from its tail when that reports usage, else from the whole. */
  finish(): Reading {
    return readTail(this.#tail()) ?? this.#finishWhole()
  }

  #finishWhole(): Reading {
    this.#parse()
    // A last event without its blank line still counts.
    this.#observe(this.#splitter.pending)
    return this.#reading
  }

  #parse(): void {
    for (const chunk of this.#kept) for (const event of this.#splitter.feed(chunk)) this.#observe(event)
    this.#kept = []
    this.#keptBytes = 0
  }

  #observe(event: Uint8Array): void {
    const data = eventData(event)
    if (data !== null) readAnswer(this.#reading, parseChunk(data))
  }

  #tail(): Uint8Array {
    const parts: Uint8Array[] = []
    let length = 0
    for (let index = this.#kept.length - 1; index >= 0 && length < streamTailBytes; index--) {
      const chunk = this.#kept[index]
      if (!chunk) break
      parts.unshift(chunk)
      length += chunk.length
    }
    return joinBytes(parts).subarray(Math.max(0, length - streamTailBytes))
  }
}

/** Reads the usage of a stream's last bytes, leaving out the event they begin in the middle of; null when they report none. */
function readTail(tail: Uint8Array): Reading | null {
  const reading = emptyReading()
  const splitter = new EventSplitter()
  const [begun, ...events] = splitter.feed(tail)
  if (!begun) return null
  // A last event without its blank line still counts, and may report more than the one before it.
  for (const event of [...events, splitter.pending]) {
    const data = eventData(event)
    if (data !== null) readAnswer(reading, parseChunk(data))
  }
  return reading.usage && (reading.usage.outputTokens ?? 0) > 0 && !reading.failed ? reading : null
}
