import { joinBytes } from '#shared/values/bytes.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { emptyReading, isUsageChunk, mayReportUsage, parseChunk, readAnswer } from './dialects/openai-chat-usage.ts'
import { EventSplitter, eventData } from './dialects/server-sent-events.ts'
import { chunkBufferBytes, firstEventBytes, gulpBufferBytes, meterIntervalMs, readOnMs } from './limits.ts'
import { StreamMeter } from './stream-meter.ts'
import type { UpstreamAnswer } from './upstream/call.ts'

type ByteReader = ReadableStreamBYOBReader
export type StreamEnd = 'completed' | 'client_left' | 'broken'

/** A stream whose first event was good: what the client reads, and what becomes of it. */
export interface RelayedStream {
  readable: ReadableStream<Uint8Array>
  meter: StreamMeter
  /** Settles when the upstream has been read to its end, or as far as it goes. Never rejects. */
  ended: Promise<StreamEnd>
}

/**
 * Relays a stream of chat completion chunks. A client that asked for usage gets the upstream's bytes piped natively, while a second branch is read in
 * big gulps; for one that did not, each chunk is looked at, because the usage chunk must be left out. Throws when the first event is an error.
 */
export async function relayStream({ response, cancel }: UpstreamAnswer, showsUsage: boolean): Promise<RelayedStream> {
  if (!response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
    cancel()
    throw new ApiError('upstream_error')
  }
  const [toClient, toMeter] = showsUsage ? response.body.tee() : [null, response.body]
  const reader = toMeter.getReader({ mode: 'byob' })
  const meter = new StreamMeter()
  const begin = await readFirstEvent(reader, meter).catch((error: unknown) => {
    cancel()
    throw error instanceof ApiError ? error : new ApiError('upstream_error')
  })
  const { readable, writable } = new IdentityTransformStream()
  const ended = toClient
    ? pipeAside(toClient, reader, writable, meter, cancel)
    : pipeWithoutUsage(begin, reader, writable.getWriter(), meter, cancel)
  return { readable, meter, ended }
}

/** Reads until the first event with data, and refuses a stream that has none or begins with an error. */
async function readFirstEvent(reader: ByteReader, meter: StreamMeter): Promise<Uint8Array> {
  const splitter = new EventSplitter()
  const parts: Uint8Array[] = []
  while (meter.totalBytes < firstEventBytes) {
    const { done, value } = await reader.read(new Uint8Array(chunkBufferBytes))
    if (done) throw new ApiError('upstream_error')
    meter.push(value)
    parts.push(value)
    const data = splitter
      .feed(value)
      .map(eventData)
      .find((candidate) => candidate !== null)
    if (data === undefined) continue
    const reading = emptyReading()
    readAnswer(reading, parseChunk(data))
    if (reading.failed) throw new ApiError('upstream_error')
    break
  }
  return joinBytes(parts)
}

/** Pipes one branch to the client without waking up for its chunks, and meters the other. */
async function pipeAside(
  toClient: ReadableStream<Uint8Array>,
  reader: ByteReader,
  writable: WritableStream<Uint8Array>,
  meter: StreamMeter,
  cancel: () => void,
): Promise<StreamEnd> {
  let isPiping = true
  let deadline: ReturnType<typeof setTimeout> | undefined
  let hasUpstreamEnded = false
  const piped = toClient.pipeTo(writable, { preventClose: true, preventAbort: true }).then(
    () => true,
    () => false,
  )
  const pipeEnded = piped.then((wasPiped) => {
    isPiping = false
    if (!wasPiped && !hasUpstreamEnded) deadline = setTimeout(cancel, readOnMs)
  })
  let isBroken = false
  let buffer: ArrayBufferLike = new ArrayBuffer(gulpBufferBytes)
  try {
    for (;;) {
      if (isPiping) await Promise.race([pipeEnded, scheduler.wait(meterIntervalMs)])
      const gulp: ReadableStreamReadResult<Uint8Array> = await reader.read(new Uint8Array(buffer))
      if (gulp.done) break
      meter.push(gulp.value)
      buffer = gulp.value.buffer
    }
  } catch {
    isBroken = true
  }
  hasUpstreamEnded = true
  const wasPiped = await piped
  clearTimeout(deadline)
  const stillThere = await closeStream(writable.getWriter(), isBroken)
  if (!stillThere) return 'client_left'
  return isBroken || !wasPiped ? 'broken' : 'completed'
}

/** Copies chunk by chunk and leaves the usage chunk out. Reads on for it when the client has left. */
async function pipeWithoutUsage(
  begin: Uint8Array,
  reader: ByteReader,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  meter: StreamMeter,
  cancel: () => void,
): Promise<StreamEnd> {
  const splitter = new EventSplitter()
  let hasLeft = false
  let deadline: ReturnType<typeof setTimeout> | undefined
  const forward = async (bytes: Uint8Array): Promise<void> => {
    if (hasLeft || bytes.length === 0) return
    try {
      await writer.write(bytes)
    } catch {
      hasLeft = true
      deadline = setTimeout(cancel, readOnMs)
    }
  }
  let isBroken = false
  try {
    await forward(withoutUsage(splitter, begin))
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(chunkBufferBytes))
      if (done) break
      meter.push(value)
      await forward(withoutUsage(splitter, value))
    }
    if (isShown(splitter.pending)) await forward(splitter.pending)
  } catch {
    isBroken = true
  }
  clearTimeout(deadline)
  if (hasLeft || !(await closeStream(writer, isBroken))) return 'client_left'
  return isBroken ? 'broken' : 'completed'
}

/** The events a chunk completes, but for the usage chunk. An event not complete waits for its end: no client can use half of one. */
function withoutUsage(splitter: EventSplitter, chunk: Uint8Array): Uint8Array {
  if (splitter.isWhole(chunk) && !mayReportUsage(chunk)) return chunk
  return joinBytes(splitter.feed(chunk).filter(isShown))
}

function isShown(event: Uint8Array): boolean {
  const data = eventData(event)
  return data === null || !isUsageChunk(data)
}

/** Ends the client's stream; a broken one with an error in its own form and never with `[DONE]`. False when the client is gone. */
async function closeStream(writer: WritableStreamDefaultWriter<Uint8Array>, isBroken: boolean): Promise<boolean> {
  try {
    if (isBroken) await writer.write(brokenEvent)
    await writer.close()
    return true
  } catch {
    return false
  }
}

const brokenEvent = new TextEncoder().encode(
  `\n\ndata: ${JSON.stringify({
    error: { message: 'The model broke off. What was delivered is charged.', type: 'api_error', param: null, code: 'upstream_broken' },
    choices: [{ index: 0, delta: {}, finish_reason: 'error' }],
  })}\n\n`,
)
