import { createServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { assert } from '#shared/values/assert.ts'
import { localHost } from '#workers/dev/ports.ts'
import { chunkIntervalMs, type Kind, kinds, streamEvents, upstreamModelOf, wholeAnswer } from './answers.ts'

/*
 * An upstream that costs next to nothing: it looks for three marks in a request and writes bytes made beforehand. It is for the benchmark only;
 * what a provider checks and can do wrong is in workers/dev/upstream.
 */

interface Script {
  intervalMs: number
  /** What is written at each step; the first goes with the head. */
  steps: Buffer[]
}

const headEnd = Buffer.from('\r\n\r\n')
const wholeHead = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: '
const streamHead = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n')
const refusal = Buffer.from('HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n\r\n')

const scripts = new Map<string, Script>()
for (const kind of kinds) for (const asked of [true, false]) scripts.set(scriptName(kind, asked), makeScript(kind, asked))

function makeScript(kind: Kind, asked: boolean): Script {
  if (kind === 'whole') {
    const body = wholeAnswer()
    return { intervalMs: 0, steps: [Buffer.concat([Buffer.from(`${wholeHead}${body.length}\r\n\r\n`), body])] }
  }
  const frames = streamEvents(kind, { asked, shown: true }).map((event) =>
    Buffer.concat([Buffer.from(`${event.length.toString(16)}\r\n`), event, Buffer.from('\r\n')]),
  )
  const last = frames.pop()
  assert(last, 'a stream has an end mark')
  return { intervalMs: chunkIntervalMs[kind], steps: [streamHead, ...frames, Buffer.concat([last, Buffer.from('0\r\n\r\n')])] }
}

function scriptName(kind: Kind, asked: boolean): string {
  return `${kind} ${asked}`
}

/** Answers requests with a content length, one after another; `waiting` is what of the next one has arrived. */
function serve(socket: Socket): void {
  let waiting: Buffer = Buffer.alloc(0)
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy()) // A client that leaves early is its own business.
  socket.on('data', (bytes: Buffer) => {
    waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes])
    for (;;) {
      const end = requestEnd(waiting)
      if (end === -1) return
      play(socket, findScript(waiting.subarray(0, end)))
      waiting = waiting.subarray(end)
    }
  })
}

/** Where the first request ends, or -1 while it is not complete. */
function requestEnd(bytes: Buffer): number {
  const head = bytes.indexOf(headEnd)
  if (head === -1) return -1
  const length = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1]
  assert(length !== undefined, 'the benchmark sends requests with a length only')
  const end = head + headEnd.length + Number(length)
  return bytes.length >= end ? end : -1
}

function findScript(request: Buffer): Script | undefined {
  const asked = request.includes('"include_usage":true')
  const kind = kinds.find((candidate) => request.includes(`"${upstreamModelOf(candidate)}"`))
  return kind && scripts.get(scriptName(kind, asked))
}

/** Each step is a write of its own, as tokens come from a model: one write for all would be one chunk for whoever relays it. */
function play(socket: Socket, script: Script | undefined): void {
  if (!script) return void socket.write(refusal)
  const { intervalMs, steps } = script
  if (intervalMs === 0) {
    for (const step of steps) socket.write(step)
    return
  }
  let next = 0
  const timer = setInterval(() => {
    const step = steps[next++]
    if (step === undefined || socket.destroyed) clearInterval(timer)
    else socket.write(step)
  }, intervalMs)
  const [first] = steps
  if (first) socket.write(first)
  next = 1
}

const { values } = parseArgs({ options: { port: { type: 'string' } } })
createServer({ noDelay: true }, serve).listen({ port: Number(values.port), host: localHost, backlog: 4_096 })
