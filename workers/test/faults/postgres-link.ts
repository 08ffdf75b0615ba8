import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { localHost } from '#workers/dev/ports.ts'
import { ClientMessages } from './postgres-messages.ts'

/** What happens on the way between a client and Postgres, in the order of one transaction. */
export type Moment =
  /** A statement arrived from the client and has not been passed on. */
  | 'statement'
  /** COMMIT arrived from the client and has not been passed on. */
  | 'commit'
  /** COMMIT was passed on to Postgres; whether it has been carried out only Postgres knows. */
  | 'commit_sent'
  /** Postgres has answered COMMIT; the client does not know yet. */
  | 'commit_answered'

/** Decides at each moment whether the connection lives on. A promise holds everything on it up. */
export type Judge = (moment: Moment, statement: string) => 'pass' | 'cut' | Promise<'pass' | 'cut'>

/** A TCP proxy before Postgres that reads along as far as it takes to know where a transaction stands. */
export class PostgresLink {
  readonly #server: Server
  readonly #open = new Set<Socket>()
  judge: Judge = () => 'pass'

  constructor(postgresPort: number) {
    this.#server = createServer((client) => this.#join(client, connect({ port: postgresPort, host: localHost, noDelay: true })))
  }

  /** Answers the port it listens on; 0 takes any. */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(port, localHost, resolve))
    // A server that listens on TCP has an address of this shape.
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#open) socket.destroy()
    await closed
  }

  #join(client: Socket, postgres: Socket): void {
    client.setNoDelay(true)
    for (const socket of [client, postgres]) {
      this.#open.add(socket)
      socket.on('error', () => undefined) // Its close follows.
      socket.on('close', () => this.#open.delete(socket))
    }
    // An end in good order: what was passed on still arrives, where a reset would take it back.
    client.on('close', () => postgres.end())
    postgres.on('close', () => client.destroy())
    const passage = new Passage(client, postgres, (moment, statement) => this.judge(moment, statement))
    client.on('data', (chunk: Buffer) => passage.fromClient(chunk))
    postgres.on('data', (chunk: Buffer) => passage.fromPostgres(chunk))
  }
}

/** One connection. What arrives is handled in its order, each piece when the judge is done with the one before. */
class Passage {
  readonly #client: Socket
  readonly #postgres: Socket
  readonly #judge: Judge
  readonly #messages = new ClientMessages()
  #statement = ''
  #awaitsCommit = false
  #work: Promise<void> = Promise.resolve()

  constructor(client: Socket, postgres: Socket, judge: Judge) {
    this.#client = client
    this.#postgres = postgres
    this.#judge = judge
  }

  fromClient(chunk: Buffer): void {
    for (const message of this.#messages.push(chunk)) {
      this.#then(async () => {
        if (message.statement !== null) this.#statement = message.statement
        const asksCommit = /^\s*commit\b/i.test(this.#statement) && (message.type === 'Q' || message.type === 'S')
        if (asksCommit && (await this.#isCut('commit'))) return
        if (message.statement !== null && !asksCommit && (await this.#isCut('statement'))) return
        this.#awaitsCommit = asksCommit
        this.#postgres.write(message.bytes)
        if (asksCommit) await this.#isCut('commit_sent')
      })
    }
  }

  fromPostgres(chunk: Buffer): void {
    this.#then(async () => {
      const isAnswer = this.#awaitsCommit
      this.#awaitsCommit = false
      if (isAnswer && (await this.#isCut('commit_answered'))) return
      this.#client.write(chunk)
    })
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(() => (this.#client.destroyed ? undefined : step()))
  }

  async #isCut(moment: Moment): Promise<boolean> {
    if ((await this.#judge(moment, this.#statement)) === 'pass') return false
    this.#client.destroy()
    return true
  }
}
