import { gzipSync } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '#db/client.ts'
import { type ManualEntry, postEntry } from '#db/queries/post-entry.ts'
import { reconcile } from '#db/queries/reconcile.ts'
import { readRows, SafeBigint } from '#db/statements.ts'
import { adjustmentEvent, newCustomer, settlementEvent } from '#db/testing/usage-events.ts'
import type { AppliedNotice } from '#shared/contracts/ledger.ts'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import type { randomOf } from '#workers/ledger/testing/model.ts'
import { consume } from '#workers/usage/consume.ts'
import type { Moment, PostgresLink } from './postgres-link.ts'

/** A fault of the link, by the moment at which it happens; `stall` holds Postgres' answer back and then delivers it. */
const faults = ['statement', 'commit', 'commit_sent', 'commit_answered', 'stall', 'none'] as const
type Fault = (typeof faults)[number]

const stallMs = 20
const customerCount = 4

interface Delivery {
  organizationId: string
  events: UsageEvent[]
  attempts: number
}

/** Writes money over a link that breaks around COMMIT, until as many cuts as wanted fell after it was sent; then compares with what was meant. */
export class CommitCuts {
  readonly cuts: Record<Fault, number> = { statement: 0, commit: 0, commit_sent: 0, commit_answered: 0, stall: 0, none: 0 }
  events = 0
  entries = 0
  readonly #db: Db
  readonly #sound: Db
  readonly #link: PostgresLink
  readonly #random: ReturnType<typeof randomOf>
  readonly #expected = new Map<string, Map<string, number>>()
  readonly #heard = new Set<string>()
  #waiting: Delivery[] = []

  /** `db` goes through the link, `sound` beside it. */
  constructor(db: Db, sound: Db, link: PostgresLink, random: ReturnType<typeof randomOf>) {
    this.#db = db
    this.#sound = sound
    this.#link = link
    this.#random = random
  }

  get afterCommit(): number {
    return this.cuts.commit_sent + this.cuts.commit_answered
  }

  async run(wantedCuts: number): Promise<void> {
    for (let count = 0; count < customerCount; count++) this.#expected.set(await newCustomer(this.#sound), new Map())
    while (this.afterCommit < wantedCuts) {
      if (this.#random.chance(0.25)) await this.#credit()
      else await this.#deliverSome()
    }
    this.#link.judge = () => 'pass'
    while (this.#waiting.length > 0) await this.#consume(this.#waiting.splice(0))
  }

  /** Entries that are missing, entries that nobody meant, and customers whose books disagree with one another or with what was meant. */
  async verdict(): Promise<{ lost: string[]; strange: string[]; unsound: string[]; unheard: string[] }> {
    const lost: string[] = []
    const strange: string[] = []
    const unsound: string[] = []
    for (const [organizationId, expected] of this.#expected) {
      const rows = await readRows(
        this.#sound,
        sql`select e.event_id as "eventId", e.amount_nanos as nanos, o.balance_nanos as balance
          from ledger_entries e join organizations o on o.id = e.organization_id where o.id = ${organizationId}`,
        z.object({ eventId: z.string(), nanos: SafeBigint, balance: SafeBigint }),
      )
      const posted = new Set(rows.map(({ eventId }) => eventId))
      lost.push(...[...expected.keys()].filter((eventId) => !posted.has(eventId)))
      strange.push(...rows.filter(({ eventId, nanos }) => expected.get(eventId) !== nanos).map(({ eventId }) => eventId))
      const meantNanos = [...expected.values()].reduce((sum, nanos) => sum + nanos, 0)
      const isBalanced = rows[0]?.balance === meantNanos && rows.length === posted.size
      if (!isBalanced || (await reconcile(this.#sound, organizationId)).length > 0) unsound.push(organizationId)
    }
    const meant = [...this.#expected.values()].flatMap((expected) => [...expected.keys()])
    const unheard = meant.filter((eventId) => !eventId.startsWith('credit:') && !this.#heard.has(eventId))
    return { lost, strange, unsound, unheard }
  }

  /** Messages of the queue, new and delivered again, to the real consumer. */
  async #deliverSome(): Promise<void> {
    for (let count = this.#random.below(4); count >= 0; count--) this.#waiting.push(this.#newDelivery())
    const some = this.#waiting.splice(0, 1 + this.#random.below(this.#waiting.length))
    // At least once: what was recorded may come again beside what is new.
    if (this.#random.chance(0.2)) some.push(...some.slice(0, 1))
    await this.#withFault(() => this.#consume(some))
  }

  #newDelivery(): Delivery {
    const organizationId = this.#anyCustomer()
    const events = Array.from({ length: 1 + this.#random.below(5) }, () => settlementEvent({ costNanos: this.#random.below(5_000) }))
    const [first] = events
    if (first && this.#random.chance(0.3)) {
      const correction = { requestId: first.request.requestId, costNanos: 700, amountNanos: first.settlement.costNanos - 700 }
      events.push(adjustmentEvent(correction))
    }
    for (const event of events) this.#expected.get(organizationId)?.set(eventIdOf(event), event.amountNanos)
    this.events += events.length
    return { organizationId, events, attempts: 1 }
  }

  async #consume(deliveries: Delivery[]): Promise<void> {
    const ledger = { getByName: () => ({ applied: (notice: AppliedNotice) => this.#hear(notice), refresh: async () => undefined }) }
    const messages = deliveries.map((delivery) => ({
      body: gzipSync(JSON.stringify({ organizationId: delivery.organizationId, events: delivery.events })),
      attempts: delivery.attempts,
      ack: () => undefined,
      retry: () => void this.#waiting.push({ ...delivery, attempts: delivery.attempts + 1 }),
    }))
    await consume({ db: this.#db, ledger, webhooks: { send: async () => undefined } }, messages)
  }

  /** The notice may be lost as well: then the object was told by no one, though all is committed. */
  async #hear({ eventIds }: AppliedNotice): Promise<void> {
    if (this.#random.chance(0.1)) throw new Error('the object was away')
    for (const eventId of eventIds) this.#heard.add(eventId)
  }

  /** An operator's credit, asked for with one event id until it is answered. */
  async #credit(): Promise<void> {
    const eventId = `credit:${newId('crd')}`
    const organizationId = this.#anyCustomer()
    const amountNanos = 1 + this.#random.below(9_000)
    this.#expected.get(organizationId)?.set(eventId, amountNanos)
    this.entries += 1
    const entry: ManualEntry = { organizationId, amountNanos, kind: 'credit', eventId, reason: 'by hand' }
    for (let isPosted = false; !isPosted; ) {
      isPosted = await this.#withFault(() =>
        postEntry(this.#db, entry).then(
          ({ outcome }) => outcome !== 'refused',
          () => false,
        ),
      )
    }
  }

  #anyCustomer(): string {
    return this.#random.pick([...this.#expected.keys()])
  }

  async #withFault<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const fault = this.#random.pick(faults)
    let isDue = true
    this.#link.judge = (moment: Moment, text: string) => {
      if (!isDue || moment !== (fault === 'stall' ? 'commit_answered' : fault)) return 'pass'
      // drizzle gives a pooled connection of node-postgres that fails at BEGIN never back, and only tools for Node use that driver.
      if (/^begin/i.test(text)) return 'pass'
      isDue = false
      this.cuts[fault] += 1
      return fault === 'stall' ? new Promise((resolve) => setTimeout(() => resolve('pass'), stallMs)) : 'cut'
    }
    return work()
  }
}
