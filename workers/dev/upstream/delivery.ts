import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Behaviour, Script } from './behaviours.ts'
import type { Exchange, HeaderList } from './exchange.ts'

/**
 * How events stand in a stream: as server-sent events, whose lines one provider ends with CR LF where nothing odd is
 * asked for, or as the elements of one JSON array that is written piece by piece.
 */
export type StreamFormat = 'sse' | 'sse-crlf' | 'array'

/**
 * One event of a stream. `tokens` are the visible output tokens it carries, `hidden` those generated before it that
 * no client sees (reasoning), `usage` what it reports.
 */
export type StreamEvent = { data: string; name?: string; tokens: number; hidden?: number; usage?: unknown }

type Piece = { bytes: string; tokens: number; hidden: number; usage?: unknown }
type Stop = { index: number; how: 'stall' | 'cut' }

// Below this a stream goes out in one write; above it the client's pace decides.
const batchChars = 64 * 1024
/** What one write of a binary answer carries. */
export const binaryChunkBytes = 256

type Stream = {
  events: StreamEvent[]
  /** The dialect's in-band error, told how many events went before it. */
  errorAfter(sentBefore: number): StreamEvent
  format: StreamFormat
}

/** Sends a stream as the script says. */
export async function deliverStream(
  exchange: Exchange,
  headers: HeaderList,
  { events, errorAfter, format }: Stream,
  script: Script,
): Promise<void> {
  const { behaviour, amount } = script
  const frame = framerOf(format)
  const pieces = frame(applyFault(events, errorAfter, script), behaviour.framing)
  if (behaviour.fault === 'after-done') pieces.push(...frame(repeatLate(events), undefined))
  const stop = findStop(events, script)
  if (behaviour.fault === 'error-first' || behaviour.fault === 'error-mid') exchange.ending = 'broken'
  exchange.begin(200, headers)
  if (behaviour.pace === 'bytes') return sendSlices(exchange, pieces, Math.max(1, amount))
  const paceMs = behaviour.pace === 'paced' ? amount : null
  await sendPieces(exchange, stop ? pieces.slice(0, stop.index) : pieces, paceMs, stop)
}

/** The events as the fault leaves them; stalls and cuts are left to the sender. */
function applyFault(events: StreamEvent[], errorAfter: (sentBefore: number) => StreamEvent, { behaviour, amount }: Script): StreamEvent[] {
  if (behaviour.fault === 'error-first') return [errorAfter(0)]
  if (behaviour.fault === 'error-mid') {
    const index = indexAfterChunks(events, amount)
    return [...events.slice(0, index), errorAfter(index)]
  }
  if (behaviour.fault === 'malformed') {
    const middle = events.length >> 1
    return events.map((event, index) => (index === middle ? { ...event, data: event.data.slice(0, event.data.length >> 1) } : event))
  }
  return events
}

function repeatLate(events: StreamEvent[]): StreamEvent[] {
  return events.filter((event) => event.data !== '').map(({ data, name }) => ({ data, ...(name === undefined ? {} : { name }), tokens: 0 }))
}

function findStop(events: StreamEvent[], { behaviour, amount }: Script): Stop | null {
  if (behaviour.fault !== 'stall' && behaviour.fault !== 'cut') return null
  return { index: indexAfterChunks(events, amount), how: behaviour.fault }
}

/** Index behind the K-th event that carries output, or behind the last such; the last event of all always stays unsent. */
function indexAfterChunks(events: readonly StreamEvent[], chunks: number): number {
  let seen = 0
  let index = 1
  for (const [position, event] of events.entries()) {
    if (seen === chunks) break
    if (event.tokens === 0) continue
    seen += 1
    index = position + 1
  }
  return Math.min(index, events.length - 1)
}

/** A stream as it goes out when nothing odd is done to it. */
export function renderStream(events: readonly StreamEvent[], format: StreamFormat): string {
  return framerOf(format)(events, undefined)
    .map((piece) => piece.bytes)
    .join('')
}

function framerOf(format: StreamFormat): typeof frameEvents {
  if (format === 'array') return frameArray
  return format === 'sse' ? frameEvents : (events, framing = 'crlf') => frameEvents(events, framing)
}

function lineEndOf(framing: Behaviour['framing']): string {
  if (framing === 'crlf') return '\r\n'
  return framing === 'cr' ? '\r' : '\n'
}

function frameEvents(events: readonly StreamEvent[], framing: Behaviour['framing']): Piece[] {
  const lineEnd = lineEndOf(framing)
  const comment = framing === 'comments' ? `: keep-alive${lineEnd}${lineEnd}` : ''
  const last = events.length - 1
  return events.map((event, index) => {
    const name = event.name === undefined ? '' : `event: ${event.name}${lineEnd}`
    const end = framing === 'no-last-newline' && index === last ? '' : lineEnd + lineEnd
    const mark = framing === 'bom' && index === 0 ? '\uFEFF' : ''
    const { tokens, hidden = 0, usage } = event
    return { bytes: `${mark}${comment}${name}data: ${event.data}${end}`, tokens, hidden, usage }
  })
}

/**
 * Google's layout: the separator of two elements goes out with the second. JSON knows no comments, so what keeps a
 * connection alive is an empty line.
 */
function frameArray(events: readonly StreamEvent[], framing: Behaviour['framing']): Piece[] {
  const lineEnd = lineEndOf(framing)
  const separator = `${lineEnd},${framing === 'cr' ? '\r' : '\r\n'}`
  const comment = framing === 'comments' ? lineEnd : ''
  const last = events.length - 1
  return events.map((event, index) => {
    const opening = index === 0 ? `${framing === 'bom' ? '\uFEFF' : ''}[` : separator
    const closing = index === last ? `${lineEnd}]${framing === 'no-last-newline' ? '' : lineEnd}` : ''
    const { tokens, hidden = 0, usage } = event
    return { bytes: `${opening}${comment}${event.data}${closing}`, tokens, hidden, usage }
  })
}

async function sendPieces(exchange: Exchange, pieces: Piece[], paceMs: number | null, stop: Stop | null): Promise<void> {
  let batch = ''
  for (const [index, piece] of pieces.entries()) {
    if (paceMs !== null && index > 0) await pause(paceMs)
    if (!exchange.isOpen) return
    count(exchange, piece)
    batch += piece.bytes
    if (paceMs === null && batch.length < batchChars) continue
    await exchange.write(batch)
    batch = ''
  }
  if (!exchange.isOpen) return
  if (stop === null) exchange.response.end(batch)
  else await stopAfter(exchange, batch, stop.how)
}

/** Writes `bytes` at a time with a turn of the event loop between, so that each is its own TCP segment. */
async function sendSlices(exchange: Exchange, pieces: Piece[], sliceBytes: number): Promise<void> {
  for (const piece of pieces) {
    count(exchange, piece)
    await writeSlices(exchange, Buffer.from(piece.bytes), sliceBytes)
    if (!exchange.isOpen) return
  }
  exchange.response.end()
}

async function writeSlices(exchange: Exchange, bytes: Buffer, sliceBytes: number): Promise<void> {
  for (let start = 0; start < bytes.length && exchange.isOpen; start += sliceBytes) {
    await exchange.write(bytes.subarray(start, start + sliceBytes))
    await nextTurn()
  }
}

/** Sends a whole non-stream body as the script says. */
export async function deliverBody(exchange: Exchange, headers: HeaderList, body: string, script: Script): Promise<void> {
  const { behaviour, amount } = script
  const { fault } = behaviour
  if (fault === 'stall' || fault === 'cut') {
    headers.push('content-length', String(Buffer.byteLength(body)))
    exchange.begin(200, headers)
    return stopAfter(exchange, body.slice(0, body.length >> 1), fault)
  }
  if (behaviour.pace === 'bytes') {
    headers.push('content-length', String(Buffer.byteLength(body)))
    exchange.begin(200, headers)
    await writeSlices(exchange, Buffer.from(body), Math.max(1, amount))
    if (exchange.isOpen) exchange.response.end()
    return
  }
  if (fault === 'malformed') exchange.answer(200, headers, body.slice(0, body.length >> 1))
  else if (fault === 'after-done') exchange.answer(200, headers, `${body}\n${body}`)
  else exchange.answer(200, headers, behaviour.framing === 'bom' ? `\uFEFF${body}` : body)
}

/** Sends bytes whose length is not told ahead, as audio is sent: in chunks, which pace, stalls and cuts count. */
export async function deliverBinary(exchange: Exchange, headers: HeaderList, bytes: Buffer, script: Script): Promise<void> {
  const { behaviour, amount } = script
  const { fault } = behaviour
  exchange.begin(200, headers)
  if (behaviour.pace === 'bytes') await writeSlices(exchange, bytes, Math.max(1, amount))
  else {
    const stops = fault === 'stall' || fault === 'cut'
    const sent = stops ? amount * binaryChunkBytes : fault === 'malformed' ? bytes.length >> 1 : bytes.length
    for (let start = 0; start < Math.min(sent, bytes.length) && exchange.isOpen; start += binaryChunkBytes) {
      if (behaviour.pace === 'paced' && start > 0) await pause(amount)
      await exchange.write(bytes.subarray(start, Math.min(start + binaryChunkBytes, sent)))
    }
    if (stops) return stopAfter(exchange, '', fault)
  }
  if (exchange.isOpen) exchange.response.end(fault === 'after-done' ? bytes : '')
}

/** A stall ends when the client leaves; a cut waits until the bytes are on their way. */
async function stopAfter(exchange: Exchange, bytes: string, how: 'stall' | 'cut'): Promise<void> {
  if (bytes === '') exchange.response.flushHeaders()
  else await exchange.write(bytes)
  if (how === 'stall') return
  await sleep(2)
  if (exchange.isOpen) exchange.cut()
}

function count({ record }: Exchange, piece: Piece): void {
  record.completionTokensGenerated += piece.tokens + piece.hidden
  record.completionTokensSent += piece.tokens
  if (piece.usage !== undefined) record.usageReported = piece.usage
}

/** Timers below a millisecond do not exist; zero means the next turn of the event loop. */
export function pause(delayMs: number): Promise<void> {
  return delayMs === 0 ? nextTurn() : sleep(delayMs)
}
