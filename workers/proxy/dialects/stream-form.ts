import type { AnswerForm } from './dialect.ts'
import { ElementSplitter, elementOf } from './json-elements.ts'
import { EventSplitter, eventData, eventName } from './server-sent-events.ts'

/** Cuts a stream into its parts without touching their bytes: put together again, the parts are the stream. */
export interface Splitter {
  /** Bytes that belong to a part not ended yet. */
  readonly pending: Uint8Array
  /** Takes the next chunk and returns the parts that it completes. */
  feed(chunk: Uint8Array): Uint8Array[]
  /** Whether the next chunk begins and ends between parts. It then need not be fed. */
  isWhole(chunk: Uint8Array): boolean
}

/** How a streamed answer is written. */
export interface StreamForm {
  contentType: string
  newSplitter(): Splitter
  /** The JSON text of one part; null when it has none, as a comment. */
  dataOf(part: Uint8Array): string | null
  /** A part with this data in place of a part's own. */
  replaceData(part: Uint8Array, data: string): string
  /** What ends a stream that broke off anywhere, with this data; `hasBegun` when a part of it was sent. */
  writeLast(event: { name?: string; data: string }, hasBegun: boolean): string
  /** What may be written between parts while the upstream is silent; null when nothing may. */
  keepAlive: string | null
  /** Whether a splitter may begin in the middle of a stream and find its way. */
  canBeginAnywhere: boolean
}

const events: StreamForm = {
  contentType: 'text/event-stream',
  newSplitter: () => new EventSplitter(),
  dataOf: eventData,
  replaceData: (part, data) => writeEvent(eventName(part), data),
  // The blank line ends whatever was cut off.
  writeLast: ({ name, data }) => `\n\n${writeEvent(name, data)}`,
  keepAlive: ': keep-alive\n\n',
  canBeginAnywhere: true,
}

function writeEvent(name: string | undefined, data: string): string {
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${data}\n\n`
}

const elements: StreamForm = {
  contentType: 'application/json',
  newSplitter: () => new ElementSplitter(),
  dataOf: (part) => elementOf(part)?.data ?? null,
  replaceData: (part, data) => (elementOf(part)?.before ?? '') + data,
  // Between elements, where nearly every break is, the array stays legal. Within one nothing can mend it: the client's parser stops at the error.
  writeLast: ({ data }, hasBegun) => `${hasBegun ? '\r\n,\r\n' : '['}${data}\r\n]\r\n`,
  // White space is legal between the elements, and before the array.
  keepAlive: '\n',
  canBeginAnywhere: false,
}

const forms: Partial<Record<AnswerForm, StreamForm>> = { events, elements }

/** The form of a streamed answer; null for one that is not streamed. */
export function streamFormOf(answer: AnswerForm): StreamForm | null {
  return forms[answer] ?? null
}

/** The value of a part's data; undefined for OpenAI's end mark and for what is not JSON. */
export function parseData(data: string): unknown {
  if (data === '[DONE]') return undefined
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

/** Whether bytes of a stream can hold a usage report; false for nearly all, at the price of one look. */
export function mayReportUsage(bytes: Uint8Array): boolean {
  return /"usage(?:Metadata)?"\s*:\s*\{/.test(decoder.decode(bytes))
}

const decoder = new TextDecoder()
