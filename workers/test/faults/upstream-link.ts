import { connect, createServer, type Server, type Socket } from 'node:net'
import { localHost } from '#workers/dev/ports.ts'

/** What is seen of one exchange between the relay and an upstream. Each happens before the bytes that show it are passed on. */
export type UpstreamMoment = 'asked' | 'headers' | 'first event' | 'tenth event' | 'last event' | 'whole answer'

/** A TCP proxy before the upstream that tells how far each answer is, and passes everything on as it is. */
export class UpstreamLink {
  readonly #server: Server
  readonly #open = new Set<Socket>()
  onMoment: (moment: UpstreamMoment) => void = () => undefined

  constructor(upstreamPort: number) {
    this.#server = createServer((relay) => this.#join(relay, connect({ port: upstreamPort, host: localHost, noDelay: true })))
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, localHost, resolve))
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#open) socket.destroy()
    await closed
  }

  #join(relay: Socket, upstream: Socket): void {
    relay.setNoDelay(true)
    let answer: Answer | null = null
    relay.on('data', (chunk: Buffer) => {
      if (!answer || answer.hasBegun) {
        answer = new Answer(this.onMoment)
        this.onMoment('asked')
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      answer?.read(chunk)
      relay.write(chunk)
    })
    for (const [socket, other] of [
      [relay, upstream],
      [upstream, relay],
    ] as const) {
      this.#open.add(socket)
      socket.on('error', () => undefined) // Its close follows.
      socket.on('close', () => {
        this.#open.delete(socket)
        other.destroySoon()
      })
    }
  }
}

/** Reads along in one answer. An event that is cut by the network counts with its later half, which is near enough. */
class Answer {
  hasBegun = false
  readonly #tell: (moment: UpstreamMoment) => void
  #isStream = false
  #events = 0

  constructor(tell: (moment: UpstreamMoment) => void) {
    this.#tell = tell
  }

  read(chunk: Buffer): void {
    const text = chunk.toString('latin1')
    if (!this.hasBegun) {
      this.hasBegun = true
      this.#isStream = text.includes('text/event-stream')
      this.#tell(this.#isStream ? 'headers' : 'whole answer')
    }
    if (!this.#isStream) return
    const before = this.#events
    this.#events += text.split('\ndata: ').length - 1
    if (before === 0 && this.#events > 0) this.#tell('first event')
    if (before < 10 && this.#events >= 10) this.#tell('tenth event')
    if (text.includes('[DONE]')) this.#tell('last event')
  }
}
