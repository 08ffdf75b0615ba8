import { connect, type Socket } from 'node:net'
import { localHost } from '#workers/dev/ports.ts'
import { ResponseParser } from './response-parser.ts'

export interface Sample {
  latencyMs: number
  firstByteMs: number
}

interface Pending {
  expected: Buffer
  sentAtMs: number
  firstByteAtMs: number
  status: number
  receivedBytes: number
  isDifferent: boolean
  /** What was answered instead, for the error message. */
  text: string
  resolve: (sample: Sample) => void
  reject: (error: Error) => void
}

/** Longest wait for an answer to be complete; beyond it the target hangs, and waiting would hide that. */
const patienceMs = 60_000

/**
 * One keep-alive connection that carries one request at a time. An answer counts only when its status is 200 and its body is byte for byte the
 * expected one; anything else rejects.
 */
export class Connection {
  readonly #socket: Socket
  #pending: Pending | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    const parser = new ResponseParser({
      head: (status) => this.#onHead(status),
      body: (piece) => this.#onBody(piece),
      end: () => this.#onEnd(),
    })
    socket.on('data', (bytes) => {
      try {
        parser.push(bytes)
      } catch (error) {
        this.#fail(String(error))
      }
    })
    socket.setTimeout(patienceMs, () => this.#fail('no byte arrived for a minute'))
    socket.on('error', (error) => this.#fail(error.message))
    socket.on('close', () => this.#fail('the connection was closed'))
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: localHost, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket))
      })
    })
  }

  send(request: Buffer, expected: Buffer): Promise<Sample> {
    return new Promise((resolve, reject) => {
      const state = { status: 0, receivedBytes: 0, isDifferent: false, text: '', firstByteAtMs: 0 }
      this.#pending = { expected, sentAtMs: performance.now(), ...state, resolve, reject }
      this.#socket.write(request)
    })
  }

  /** Ends the connection; a request still on its way is rejected, so that nobody waits for it. */
  close(): void {
    this.#fail('the connection was given up')
  }

  #onHead(status: number): void {
    if (this.#pending) this.#pending.status = status
    else this.#socket.destroy(new Error('an answer nobody asked for'))
  }

  #onBody(piece: Buffer): void {
    const pending = this.#pending
    if (!pending) return
    if (pending.receivedBytes === 0) pending.firstByteAtMs = performance.now()
    const end = pending.receivedBytes + piece.length
    const isRight = end <= pending.expected.length && pending.expected.compare(piece, 0, piece.length, pending.receivedBytes, end) === 0
    pending.receivedBytes = end
    if (isRight) return
    if (!pending.isDifferent) pending.text = piece.toString('utf8').slice(0, 600)
    pending.isDifferent = true
  }

  #onEnd(): void {
    const pending = this.#pending
    if (!pending) return
    const fault = faultOf(pending)
    if (fault !== null) {
      this.#fail(fault)
      return
    }
    const { sentAtMs } = pending
    this.#pending = null
    pending.resolve({ latencyMs: performance.now() - sentAtMs, firstByteMs: pending.firstByteAtMs - sentAtMs })
  }

  #fail(reason: string): void {
    const pending = this.#pending
    this.#pending = null
    this.#socket.destroy()
    pending?.reject(new Error(reason))
  }
}

function faultOf({ status, text, isDifferent, receivedBytes, expected }: Pending): string | null {
  if (status !== 200) return `status ${status}: ${text}`
  if (isDifferent) return `another answer than expected: ${text}`
  return receivedBytes === expected.length ? null : `${receivedBytes} bytes instead of ${expected.length}`
}
