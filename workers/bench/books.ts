import { deepStrictEqual } from 'node:assert'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '#db/client.ts'
import { readCatalogue } from '#db/queries/read-catalogue.ts'
import { reconcile } from '#db/queries/reconcile.ts'
import { readRows, SafeBigint } from '#db/statements.ts'
import { KeyStatus } from '#shared/contracts/key-status.ts'
import { costNanos } from '#shared/pricing/cost.ts'
import { assert } from '#shared/values/assert.ts'
import type { BenchCustomer } from './customer.ts'
import { type Kind, modelOf, usageOf } from './upstream/answers.ts'

const Line = z.object({ model: z.string(), requests: SafeBigint, cost: SafeBigint, doubtful: SafeBigint })
const Sums = z.object({ balance: SafeBigint, entries: SafeBigint, parked: SafeBigint })

/** Longer than the ledger takes to send an event again, so that one lost on the way still counts. */
const patienceMs = 90_000
const pollMs = 50

/** What was bought, against what Postgres has. A benchmark that loses money, or charges twice, has measured something else. */
export class Books {
  readonly #db: Db
  readonly #customer: BenchCustomer
  readonly #proxyUrl: string
  readonly #bought = new Map<Kind, number>()

  constructor(db: Db, customer: BenchCustomer, proxyUrl: string) {
    this.#db = db
    this.#customer = customer
    this.#proxyUrl = proxyUrl
  }

  /** Notes answers that the load generator has received completely. */
  note(kind: Kind, requests: number): void {
    this.#bought.set(kind, (this.#bought.get(kind) ?? 0) + requests)
  }

  get requests(): number {
    return [...this.#bought.values()].reduce((sum, requests) => sum + requests, 0)
  }

  /** Waits until Postgres has a record of every request, and the customer's object has heard of all of them. */
  async settled(): Promise<void> {
    const deadlineMs = Date.now() + patienceMs
    for (;;) {
      const arrived = await this.#countRecords()
      if (arrived >= this.requests && (await this.#isAtRest())) return
      if (Date.now() > deadlineMs)
        throw new Error(`of ${this.requests} requests only ${arrived} are recorded, or the ledger is not at rest`)
      await wait(pollMs)
    }
  }

  /** Throws unless records, costs, entries and balance are exactly those of the requests sent. */
  async check(): Promise<{ requests: number; costNanos: number }> {
    await this.settled()
    const { organizationId, creditNanos } = this.#customer
    const expected = await this.#expectedLines()
    deepStrictEqual(await this.#readLines(), expected, 'usage records differ from the requests sent')
    const totalNanos = expected.reduce((sum, line) => sum + line.cost, 0)
    const [sums] = await readRows(
      this.#db,
      sql`select o.balance_nanos as balance, (select count(*) from ledger_entries e where e.organization_id = o.id and kind <> 'credit') as entries,
        (select count(*) from parked_events) as parked from organizations o where o.id = ${organizationId}`,
      Sums,
    )
    deepStrictEqual(sums, { balance: creditNanos - totalNanos, entries: this.requests, parked: 0 }, 'the balance differs')
    deepStrictEqual(await reconcile(this.#db, organizationId), [], 'the books do not reconcile')
    return { requests: this.requests, costNanos: totalNanos }
  }

  async #expectedLines(): Promise<z.infer<typeof Line>[]> {
    const { models } = await readCatalogue(this.#db)
    const lines = [...this.#bought].map(([kind, requests]) => {
      const model = models.find(({ id }) => id === modelOf(kind))
      assert(model, 'a kind without a model')
      return { model: model.id, requests, cost: requests * costNanos(usageOf(kind), model.price), doubtful: 0 }
    })
    return lines.filter(({ requests }) => requests > 0).sort((one, other) => (one.model < other.model ? -1 : 1))
  }

  #readLines(): Promise<z.infer<typeof Line>[]> {
    return readRows(
      this.#db,
      sql`select model, count(*) as requests, sum(cost_nanos) as cost, count(*) filter (where estimated or capped) as doubtful
        from usage_records where organization_id = ${this.#customer.organizationId} group by model order by model collate "C"`,
      Line,
    )
  }

  /** From the daily sums, because counting the records themselves would burden what is being measured. */
  async #countRecords(): Promise<number> {
    const daily = sql`select coalesce(sum(requests), 0) as requests from usage_daily where organization_id = ${this.#customer.organizationId}`
    const [row] = await readRows(this.#db, daily, z.object({ requests: SafeBigint }))
    return row?.requests ?? 0
  }

  async #isAtRest(): Promise<boolean> {
    const response = await fetch(`${this.#proxyUrl}/v1/key`, { headers: { authorization: `Bearer ${this.#customer.apiKey}` } })
    const { credit } = KeyStatus.parse(await response.json())
    return credit.heldNanos === 0 && credit.unconfirmedNanos === 0
  }
}
