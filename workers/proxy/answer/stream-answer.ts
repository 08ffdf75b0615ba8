import { joinBytes } from '#shared/values/bytes.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { mayReportUsage, parseData, type Splitter, type StreamForm } from '../dialects/stream-form.ts'
import { chunkBufferBytes, firstEventBytes, gulpBufferBytes, keepAliveMs, meterIntervalMs, readOnMs } from '../limits.ts'
import type { UpstreamAnswer } from '../upstream/call.ts'
import { UpstreamFailure } from '../upstream/failure.ts'
import { StreamMeter } from './stream-meter.ts'

type ByteReader = ReadableStreamBYOBReader
type Writer = WritableStreamDefaultWriter<Uint8Array>
export type StreamEnd = 'completed' | 'client_left' | 'broken'

/** What a client gets of a part of the stream, when not all of it as it is: null leaves it out. Only parts that may report usage are asked about. */
export type Rewrite = (part: Uint8Array) => Uint8Array | null

/** A stream whose first event was good, or that has not been heard of for a while: what the client reads, and what becomes of it. */
export interface RelayedStream {
  readable: ReadableStream<Uint8Array>
  meter: StreamMeter
  /** Settles when the upstream has been read to its end, or as far as it goes. Never rejects. */
  ended: Promise<StreamEnd>
}

export interface StreamPlan {
  dialect: Dialect
  form: StreamForm
  /** Null passes the upstream's bytes on natively. Given the meter, which has taken the part already. */
  rewrite: ((meter: StreamMeter) => Rewrite) | null
}

/**
 * Relays a stream. Where the client gets all of it, the upstream's bytes are piped natively, while a second branch is read in big gulps; where a part
 * must be left out or added to, each chunk is looked at. Throws when the stream begins with an error. A client that waits long for the first event is
 * answered without it, and told in the stream that it is waited for.
 */
export async function relayStream(answer: UpstreamAnswer, plan: StreamPlan): Promise<RelayedStream> {
  const { response, cancel } = answer
  const { form, rewrite } = plan
  if (!response.body || !response.headers.get('content-type')?.startsWith(form.contentType)) {
    cancel()
    throw failedFirst(false)
  }
  const [toClient, toMeter] = rewrite ? [null, response.body] : response.body.tee()
  const reader = toMeter.getReader({ mode: 'byob' })
  const meter = new StreamMeter(plan.dialect, form)
  const begun = readFirstEvent(reader, meter, plan).catch((error: unknown) => {
    cancel()
    throw error instanceof UpstreamFailure ? error : failedFirst(false)
  })
  const { readable, writable } = new IdentityTransformStream()
  const pipe = (begin: Uint8Array) =>
    toClient
      ? pipeAside(toClient, reader, writable, meter, plan, cancel)
      : pipeEachPart({ begin, reader, writer: writable.getWriter(), meter, plan, cancel })
  const begin = await orSilence(begun)
  return { readable, meter, ended: begin ? pipe(begin) : pipeOnceBegun(begun, writable, meter, plan, pipe) }
}

/** The beginning of the stream; null when it does not come in time. Rejects as it does. */
async function orSilence(begun: Promise<Uint8Array>): Promise<Uint8Array | null> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), keepAliveMs)
  })
  return Promise.race([begun, silence]).finally(() => clearTimeout(timer))
}

/** Keeps the client's connection alive until the stream begins; by then its failure can only be told in the stream. */
async function pipeOnceBegun(
  begun: Promise<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  meter: StreamMeter,
  plan: StreamPlan,
  pipe: (begin: Uint8Array) => Promise<StreamEnd>,
): Promise<StreamEnd> {
  const writer = writable.getWriter()
  const timer = keepAlive(writer, plan.form, () => true)
  try {
    const begin = await begun
    clearInterval(timer)
    writer.releaseLock()
    return await pipe(begin)
  } catch {
    clearInterval(timer)
    return (await closeStream(writer, brokenPart(plan, meter, false))) ? 'broken' : 'client_left'
  }
}

/** Writes a comment now and then, while nothing else is being written. A client that is gone is noticed where the stream itself is written. */
function keepAlive(writer: Writer, { keepAlive: comment }: StreamForm, isDue: () => boolean): ReturnType<typeof setInterval> {
  const bytes = comment === null ? null : new TextEncoder().encode(comment)
  const write = () => void (bytes && isDue() && writer.write(bytes).catch(() => undefined))
  write()
  return setInterval(write, keepAliveMs)
}

/** Reads until an event shows that the model has begun, and refuses a stream that has none or begins with an error. */
async function readFirstEvent(reader: ByteReader, meter: StreamMeter, { dialect, form }: StreamPlan): Promise<Uint8Array> {
  const splitter = form.newSplitter()
  const parts: Uint8Array[] = []
  while (meter.totalBytes < firstEventBytes) {
    const { done, value } = await reader.read(new Uint8Array(chunkBufferBytes))
    if (done) throw failedFirst(false)
    meter.push(value)
    parts.push(value)
    for (const part of splitter.feed(value)) {
      const data = form.dataOf(part)
      if (data === null) continue
      const event = parseData(data)
      if (meter.begin(event).failed) throw failedFirst(true)
      if (!dialect.isPreliminary?.(event)) return joinBytes(parts)
    }
  }
  return joinBytes(parts)
}

/** An upstream that says in its first event that it failed has made nothing; one that is unreadable may have. */
function failedFirst(mayMoveOn: boolean): UpstreamFailure {
  return new UpstreamFailure(new ApiError('upstream_error'), { outcome: 'failed_first', status: 200, mayMoveOn })
}

/** Pipes one branch to the client without waking up for its chunks, and meters the other. */
async function pipeAside(
  toClient: ReadableStream<Uint8Array>,
  reader: ByteReader,
  writable: WritableStream<Uint8Array>,
  meter: StreamMeter,
  plan: StreamPlan,
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
  const stillThere = await closeStream(writable.getWriter(), isBroken ? brokenPart(plan, meter, true) : null)
  if (!stillThere) return 'client_left'
  return isBroken || !wasPiped ? 'broken' : 'completed'
}

interface Piping {
  begin: Uint8Array
  reader: ByteReader
  writer: Writer
  meter: StreamMeter
  plan: StreamPlan
  cancel: () => void
}

/** Copies chunk by chunk and rewrites parts. Reads on for the usage when the client has left. */
async function pipeEachPart({ begin, reader, writer, meter, plan, cancel }: Piping): Promise<StreamEnd> {
  const splitter = plan.form.newSplitter()
  const rewrite: Rewrite = plan.rewrite?.(meter) ?? ((part) => part)
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
  const isSilent = () => !hasLeft && splitter.pending.length === 0 && Date.now() - meter.lastBytesAtMs >= keepAliveMs
  const timer = setInterval(() => isSilent() && void forward(keepAliveBytes(plan.form)), keepAliveMs)
  let isBroken = false
  try {
    await forward(rewritten(splitter, begin, rewrite))
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(chunkBufferBytes))
      if (done) break
      meter.push(value)
      await forward(rewritten(splitter, value, rewrite))
    }
    await forward(rewrite(splitter.pending) ?? new Uint8Array())
  } catch {
    isBroken = true
  }
  clearInterval(timer)
  clearTimeout(deadline)
  if (hasLeft || !(await closeStream(writer, isBroken ? brokenPart(plan, meter, true) : null))) return 'client_left'
  return isBroken ? 'broken' : 'completed'
}

function keepAliveBytes({ keepAlive: comment }: StreamForm): Uint8Array {
  return new TextEncoder().encode(comment ?? '')
}

/** The parts a chunk completes, as the client gets them. A part not complete waits for its end: no client can use half of one. */
function rewritten(splitter: Splitter, chunk: Uint8Array, rewrite: Rewrite): Uint8Array {
  if (splitter.isWhole(chunk) && !mayReportUsage(chunk)) return chunk
  return joinBytes(splitter.feed(chunk).flatMap((part) => rewrite(part) ?? []))
}

/** Ends the client's stream; a broken one with an error in its own form and never with an end mark. False when the client is gone. */
async function closeStream(writer: Writer, last: Uint8Array | null): Promise<boolean> {
  try {
    if (last) await writer.write(last)
    await writer.close()
    return true
  } catch {
    return false
  }
}

function brokenPart({ dialect, form }: StreamPlan, meter: StreamMeter, hasBegun: boolean): Uint8Array {
  const event = dialect.brokenEvent?.('The model broke off. What was delivered is charged.', meter.progress())
  return new TextEncoder().encode(event ? form.writeLast(event, hasBegun) : '')
}
