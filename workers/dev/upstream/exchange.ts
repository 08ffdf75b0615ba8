import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Attempts } from './attempts.ts'
import type { CliproxyState } from './cliproxy/state.ts'
import type { KeyStanding, PresentedKey } from './customer-keys.ts'
import type { GroundTruth, OpenRecord } from './ground-truth.ts'

/** Header names and values in one flat list, the form in which node writes them fastest. */
export type HeaderList = string[]

/**
 * One request and its answer. Owns the truth record: whatever way the exchange ends, the record is closed exactly once.
 * `ending` is what a fully written answer will be recorded as.
 */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly record: OpenRecord
  ending: 'completed' | 'broken' | 'refused' = 'completed'
  readonly #truth: GroundTruth
  #body: Buffer | null = null

  constructor(request: IncomingMessage, response: ServerResponse, truth: GroundTruth, key: PresentedKey, leaks: string[]) {
    this.request = request
    this.response = response
    this.#truth = truth
    this.record = truth.open(request, key, leaks)
    response.on('close', () => this.#close())
  }

  get attempts(): Attempts {
    return this.#truth.attempts
  }

  get cliproxy(): CliproxyState {
    return this.#truth.cliproxy
  }

  get isOpen(): boolean {
    return this.record.endedAt === null
  }

  /** What the provider says to this key, which stands in the header it takes; a known one is recorded as right. */
  judgeKey(key: string, platformKey: string): KeyStanding {
    const standing = this.#truth.customerKeys.judge(key, platformKey)
    if (standing.state !== 'revoked') this.record.headerSet.authorization = 'right'
    return standing
  }

  /** Writes the status line and headers; the body follows by the caller. */
  begin(status: number, headers: HeaderList): void {
    this.record.status = status
    this.response.writeHead(status, headers)
  }

  /** A whole answer at once. */
  answer(status: number, headers: HeaderList, body: string | Buffer): void {
    if (!this.isOpen) return
    if (status >= 300) this.ending = 'refused'
    headers.push('content-length', String(Buffer.byteLength(body)))
    this.begin(status, headers)
    this.response.end(body)
  }

  /** Cuts the connection; with `reset` the client sees RST instead of an end. */
  cut(reset = false): void {
    this.#truth.close(this.record, 'broken')
    if (reset) this.request.socket.resetAndDestroy()
    else this.request.socket.destroy()
  }

  /** Writes and waits until the client has taken it, so that a slow reader cannot fill the memory. */
  async write(bytes: string | Buffer): Promise<void> {
    const { response } = this
    if (!this.isOpen || response.write(bytes)) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        response.off('drain', done)
        response.off('close', done)
        resolve()
      }
      response.on('drain', done)
      response.on('close', done)
    })
  }

  /** A peer that forwards has read the body itself; whoever reads it next gets these bytes. */
  passBody(bytes: Buffer): void {
    this.#body = bytes
  }

  async readBody(onFirstBytes: (bytes: Buffer) => void, maxBytes: number): Promise<Buffer | 'too-large' | 'left'> {
    if (this.#body) {
      onFirstBytes(this.#body)
      return this.isOpen ? this.#body : 'left'
    }
    const chunks: Buffer[] = []
    let size = 0
    return new Promise((resolve) => {
      this.request.on('data', (chunk: Buffer) => {
        if (chunks.length === 0) onFirstBytes(chunk)
        size += chunk.length
        if (size <= maxBytes) chunks.push(chunk)
      })
      this.request.on('end', () => {
        this.record.bodyBytes = size
        if (size > maxBytes) resolve('too-large')
        else resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))
      })
      this.response.on('close', () => resolve('left'))
    })
  }

  #close(): void {
    this.#truth.close(this.record, this.response.writableFinished ? this.ending : 'client_left')
  }
}
