import { joinBytes } from '#shared/values/bytes.ts'
import { type Dialect, emptyReading, type Reading } from '../dialects/dialect.ts'
import { parseData, type Splitter, type StreamForm } from '../dialects/stream-form.ts'
import { streamTailBytes, unparsedBytes } from '../limits.ts'

/**
 * Reads usage on the side of a stream. Chunks are kept unparsed, because nearly always the first event and the last few hundred bytes tell all; only
 * when they do not, or when too much has gathered, is everything parsed.
 */
export class StreamMeter {
  readonly #observe: Dialect['observe']
  readonly #form: StreamForm
  readonly #head = emptyReading()
  readonly #reading = emptyReading()
  readonly #splitter: Splitter
  #kept: Uint8Array[] = []
  #keptBytes = 0
  /** All bytes that passed, and when the last of them did. */
  totalBytes = 0
  lastBytesAtMs = Date.now()

  constructor(dialect: Pick<Dialect, 'observe'>, form: StreamForm) {
    this.#observe = dialect.observe
    this.#form = form
    this.#splitter = form.newSplitter()
  }

  /** Takes a chunk; copies it, because it may be a view of a buffer that is used again. */
  push(chunk: Uint8Array): void {
    this.#kept.push(chunk.slice())
    this.#keptBytes += chunk.length
    this.totalBytes += chunk.length
    this.lastBytesAtMs = Date.now()
    if (this.#keptBytes > unparsedBytes) this.#parse()
  }

  /** Takes the value of an event at the stream's beginning, which was looked at anyway, and answers what the beginning has told so far. */
  begin(value: unknown): Reading {
    this.#observe(this.#head, value)
    return this.#head
  }

  /** What the stream has told so far, all of it parsed. */
  progress(): Reading {
    this.#parse()
    return this.#reading
  }

  /** What the stream has told when it has ended: from its beginning and tail when these report usage, else from the whole. */
  finish(): Reading {
    return this.#readTail() ?? this.#finishWhole()
  }

  #finishWhole(): Reading {
    this.#parse()
    // A last event without its blank line still counts.
    this.#take(this.#reading, this.#splitter.pending)
    return this.#reading
  }

  #parse(): void {
    for (const chunk of this.#kept) for (const part of this.#splitter.feed(chunk)) this.#take(this.#reading, part)
    this.#kept = []
    this.#keptBytes = 0
  }

  #take(reading: Reading, part: Uint8Array): void {
    const data = this.#form.dataOf(part)
    if (data !== null) this.#observe(reading, parseData(data))
  }

  /** Leaves out the event that the tail begins in the middle of; null when it does not report the end and what was used. */
  #readTail(): Reading | null {
    if (!this.#form.canBeginAnywhere) return null
    const reading: Reading = { ...this.#head, usage: this.#head.usage && { ...this.#head.usage } }
    const splitter = this.#form.newSplitter()
    const [begun, ...parts] = splitter.feed(this.#tail())
    if (!begun) return null
    // A last event without its blank line still counts, and may report more than the one before it.
    for (const part of [...parts, splitter.pending]) this.#take(reading, part)
    const isTold = reading.finishReason !== null && (reading.usage?.outputTokens ?? 0) > 0 && !reading.failed
    return isTold ? reading : null
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
