import type { AccountSnapshot, Limits } from '#shared/contracts/account.ts'
import type { AppliedNotice, SettleOutcome } from '#shared/contracts/ledger.ts'
import type { Settlement, UsageBatch } from '#shared/contracts/usage-event.ts'
import type { CustomerLedger } from '../customer-ledger.ts'
import { expiredKeptMs } from '../limits.ts'
import { idempotencyOf, isByok } from './brought-along.ts'
import { Customer, flushed, key, leaseMs, passTime, reference, resendAfterMs, settlement, tapQueue } from './customer.ts'
import { dayOf, LedgerModel, limitsOf, monthOf, PostgresModel, randomOf } from './model.ts'

const keyIds = ['key_1', 'key_2']
const hourMs = 3_600_000
const budgetRefusals = new Set(['in_flight_budget', 'spend_per_day', 'spend_per_month'])

/** A settle whose answer the proxy is still waiting for. */
interface Pending {
  requestId: string
  costNanos: number
  expected: { outcome: string; costNanos: number }
  /** The object may have forgotten the request, so only Postgres can tell a repeated settle from the first. */
  isForgotten: boolean
  outcome: Promise<SettleOutcome[]>
}

/** One seeded run of the real object beside the models: random requests, time, faults of the queue and of the machine. */
export class Run {
  readonly #random
  readonly #customer: Customer
  readonly #postgres: PostgresModel
  readonly #model = new LedgerModel(leaseMs)
  readonly #messages: UsageBatch[] = []
  readonly #notices: AppliedNotice[] = []
  readonly #oldSnapshots: AccountSnapshot[] = []
  readonly #confirmed = new Set<string>()
  readonly #forgotten = new Set<string>()
  /** Orphans whose truth comes too late to be taken. */
  readonly #retired = new Set<string>()
  /** Half of the runs lose no machine and no clock: there rates are exact too, whose counts a lost machine may forget. */
  readonly #isCalm: boolean
  #account: AccountSnapshot
  #balance: { nanos: number; version: number }
  #released: string[] = []
  /** Set when the object may count a confirmed event again: it may then be more careful than the model, never less. */
  #isCareful = false
  /** The same for spend caps, for good: a request that only Postgres remembers may count twice in them. */
  #isSpendCareful = false
  #unseenDebits: { nanos: number; version: number }[] = []
  #maxOverdraftNanos: number
  #requests = 0
  operations = 0

  constructor(name: string, seed: number) {
    this.#random = randomOf(seed)
    this.#customer = new Customer(`org_${name}_${seed}`, {
      balanceNanos: 5_000,
      overdraftNanos: 200,
      limits: { concurrency: 30 },
      keys: keyIds.map((keyId) => key(keyId)),
    })
    this.#isCalm = seed % 2 === 1
    this.#postgres = new PostgresModel(this.#customer.account)
    this.#account = this.#postgres.account
    this.#balance = { nanos: this.#account.balanceNanos, version: this.#account.version }
    this.#maxOverdraftNanos = this.#account.overdraftNanos
  }

  async start(): Promise<void> {
    await tapQueue(this.#customer, this.#messages)
    await this.#customer.inside((ledger) => this.#refresh(ledger, this.#postgres.account))
  }

  /** Some operations in one turn of the object, then one thing that happens around it. */
  async step(size: number): Promise<void> {
    const isCrash = !this.#isCalm && this.#random.chance(0.1)
    const pending: Pending[] = []
    await this.#customer.inside(async (ledger) => {
      for (let index = 0; index < size; index++) this.#operate(ledger, pending, isCrash)
      if (!isCrash) await this.#answered(pending)
      else for (const { outcome } of pending) outcome.catch(() => undefined)
    })
    if (isCrash) await this.#crashAtOnce(pending)
    // Nobody waits for a release to be durable; one that a crash undoes is made again only by the crash of its own step.
    else if (this.#released.length > 0) await flushed()
    this.#released = []
    // Now and then longer than a lease, so that whole flocks of requests become orphans and their truth comes late.
    passTime(this.#random.below(this.#random.chance(0.2) ? 90_000 : 15_000))
    if (this.#random.chance(0.04)) passTime(this.#random.pick([hourMs, 12 * hourMs, 24 * hourMs, 31 * 24 * hourMs]))
    if (!this.#isCalm && this.#random.chance(0.1)) this.#setClockBack()
    await this.#surround()
    await this.#deliver()
  }

  /** Ends all requests, delivers all messages, and checks that nothing was lost or doubled. */
  async finish(): Promise<void> {
    const pending: Pending[] = []
    await this.#customer.inside(async (ledger) => {
      for (const requestId of [...this.#model.holds.keys()]) this.#settle(ledger, requestId, pending)
      await this.#answered(pending)
    })
    for (let round = 0; round < 6; round++) {
      passTime(resendAfterMs + 1)
      await this.#ring()
      while (this.#messages.length > 0) this.#post(0, { isWhole: round > 2 })
      while (this.#notices.length > 0) await this.#notify(0)
    }
    await this.#customer.inside((ledger) => this.#refresh(ledger, this.#postgres.account))
    this.#check(sameAmounts(this.#model.events, this.#postgres.posted), 'Postgres has not posted exactly what was charged')
    this.#check(this.#postgres.account.balanceNanos === this.#postgres.creditedNanos + this.#model.movedNanos, 'the balance is off')
    const standing = await this.#customer.ledger.standing({ keyId: 'key_1' })
    this.#check(
      standing.outcome === 'known' && standing.heldNanos === 0 && standing.unconfirmedNanos === 0,
      'something is held or unconfirmed at rest',
    )
    this.#check(
      standing.outcome === 'known' && standing.standing.availableNanos === this.#postgres.account.balanceNanos,
      'the object does not know the balance at rest',
    )
    passTime(expiredKeptMs + 1)
    await this.#ring()
    await this.#ring()
    this.#check(
      (await this.#customer.kinds()).every((kind) => kind === 'balance' || kind === 'idempotency'),
      'rows are left at rest',
    )
  }

  #operate(ledger: CustomerLedger, pending: Pending[], isCrash: boolean): void {
    this.operations += 1
    const live = [...this.#model.holds.keys()]
    const ended = [...this.#model.charged.keys()].filter((requestId) => !this.#retired.has(requestId)).slice(-20)
    // A repeated settle brings what the first one brought; here it would bring another cost, and a key is as free as the latest says.
    const settledAgain = ended.filter((requestId) => !this.#model.orphans.has(requestId) && !idempotencyOf(requestId))
    // What a late truth is charged depends on the means of its moment, which a crash would change.
    const orphans = isCrash ? [] : [...this.#model.orphans.keys()]
    const dice = this.#random.below(100)
    if (dice < 40 || live.length === 0) this.#begin(ledger, `req_${this.#requests++}`)
    else if (dice < 45) this.#replay(ledger, this.#random.pick([...live, ...ended.slice(-5)]))
    else if (dice < 65) this.#renew(ledger, this.#random.pick([...live, ...ended.slice(-3)]))
    else if (dice < 88) this.#settle(ledger, this.#random.pick(live), pending)
    else if (dice < 94) this.#settle(ledger, this.#random.pick([...live, ...settledAgain, ...orphans]), pending)
    else if (dice < 97 || orphans.length === 0) this.#release(ledger, this.#random.pick(live))
    else this.#settle(ledger, this.#random.pick(orphans), pending)
    this.#compare(ledger)
  }

  #begin(ledger: CustomerLedger, requestId: string): void {
    this.#admit(ledger, requestId, this.#random.pick(keyIds), isByok(requestId) ? 0 : this.#random.below(400))
  }

  #replay(ledger: CustomerLedger, requestId: string): void {
    const { keyId, holdNanos } = this.#model.asked.get(requestId) ?? { keyId: 'key_1', holdNanos: 0 }
    if (!this.#forgotten.has(requestId)) this.#admit(ledger, requestId, keyId, this.#random.chance(0.5) ? holdNanos : holdNanos + 1)
  }

  #admit(ledger: CustomerLedger, requestId: string, keyId: string, holdNanos: number): void {
    const { availableNanos } = this.#standing(ledger)
    const startedAtMs = this.#model.asked.get(requestId)?.admittedAtMs ?? Date.now()
    const idempotency = idempotencyOf(requestId)
    const byok = isByok(requestId)
    const admit = { ...reference(requestId, { keyId, holdNanos, startedAtMs, idempotency }), ...(byok && { isByok: true }) }
    let outcome = ledger.admit(admit)
    if (outcome.outcome === 'snapshot_required') outcome = ledger.admit({ ...admit, snapshot: this.#account })
    const verdict = outcome.outcome === 'refused' ? outcome.reason : outcome.outcome
    if (this.#isSpendCareful && budgetRefusals.has(verdict)) return
    const asking = { keyId, holdNanos, idempotency, isByok: byok }
    const expected = this.#model.admit(requestId, asking, { availableNanos, account: this.#account }, Date.now())
    this.#check(verdict === expected, `admit ${requestId} of ${holdNanos}: ${verdict}, the model says ${expected}`)
  }

  #renew(ledger: CustomerLedger, requestId: string): void {
    if (this.#forgotten.has(requestId)) return
    const costNanos = this.#random.below(300)
    const expected = this.#model.renew(requestId, costNanos, Date.now())
    const { outcome } = ledger.renew({ ...this.#reference(requestId), report: settlement(costNanos) })
    this.#check(outcome === expected, `renew ${requestId}: ${outcome}, the model says ${expected}`)
  }

  #settle(ledger: CustomerLedger, requestId: string, pending: Pending[]): void {
    const costNanos = this.#random.chance(0.1) ? 0 : this.#random.below(450)
    const meansNanos = this.#standing(ledger).availableNanos + this.#account.overdraftNanos
    const expected = this.#model.settle(requestId, costNanos, meansNanos, Date.now())
    const isForgotten = this.#forgotten.has(requestId)
    if (isForgotten) {
      this.#isCareful = true
      this.#isSpendCareful = true
    }
    const outcome = ledger.settle({ settlements: [{ ...this.#reference(requestId), settlement: failedSettlement(costNanos) }] })
    pending.push({ requestId, costNanos, expected, isForgotten, outcome })
  }

  #release(ledger: CustomerLedger, requestId: string): void {
    this.#model.release(requestId)
    this.#released.push(requestId)
    ledger.release({ requestId })
  }

  async #answered(pending: Pending[]): Promise<void> {
    for (const { requestId, expected, isForgotten, outcome } of pending) {
      const [answer] = await outcome
      const isRight = answer?.outcome === expected.outcome && answer.costNanos === expected.costNanos
      this.#check(isForgotten || isRight, `settle ${requestId}: ${JSON.stringify(answer)}, the model says ${JSON.stringify(expected)}`)
    }
  }

  /** The machine dies before anything of this turn is written; its proxies live on, renew what they run and ask again for what they settle. */
  async #crashAtOnce(pending: Pending[]): Promise<void> {
    await this.#crash()
    await this.#customer.inside(async (ledger) => {
      for (const requestId of this.#released) ledger.release({ requestId })
      for (const requestId of this.#model.holds.keys()) this.#renew(ledger, requestId)
      if (pending.some(({ requestId }) => this.#forgotten.has(requestId))) this.#isSpendCareful = true
      const costs = await Promise.all(
        pending.map(async ({ requestId, costNanos, expected }) => {
          const [again] = await ledger.settle({ settlements: [{ ...this.#reference(requestId), settlement: failedSettlement(costNanos) }] })
          return this.#forgotten.has(requestId) || again?.costNanos === expected.costNanos
            ? null
            : `${requestId}: ${again?.costNanos}, not ${expected.costNanos}`
        }),
      )
      for (const wrong of costs) this.#check(wrong === null, `settle again after a crash, ${wrong}`)
      this.#compare(ledger)
    })
  }

  async #crash(): Promise<void> {
    await this.#customer.crash()
    await tapQueue(this.#customer, this.#messages)
    this.#isCareful = true
    this.#forgetConfirmed()
  }

  /** What was confirmed and awaits no truth is known to Postgres only. */
  #forgetConfirmed(): void {
    for (const eventId of this.#confirmed) {
      const requestId = eventId.split(':')[0] ?? ''
      if (!this.#model.orphans.has(requestId)) this.#forgotten.add(requestId)
    }
  }

  async #surround(): Promise<void> {
    const dice = this.#random.below(100)
    if (dice < 40) await this.#ring()
    else if (dice < 45 && !this.#isCalm) await flushed().then(() => this.#crash())
    else if (dice < 50 && !this.#isCalm) await this.#evict()
    else if (dice < 60) this.#changeLimits()
    if (this.#random.chance(0.4)) this.#postgres.credit(this.#random.below(6_000))
    if (this.#random.chance(0.05)) this.#debitByHand(1 + this.#random.below(300))
    if (this.#random.chance(0.3)) await this.#customer.inside((ledger) => this.#refresh(ledger, this.#postgres.account))
    if (this.#random.chance(0.2) && this.#oldSnapshots.length > 0) {
      await this.#customer.inside((ledger) => this.#refresh(ledger, this.#random.pick(this.#oldSnapshots)))
    }
  }

  /** A few seconds, and never into the day before, whose sums are gone. */
  #setClockBack(): void {
    const backMs = this.#random.below(4_000)
    if (dayOf(Date.now() - backMs) === dayOf(Date.now())) passTime(-backMs)
  }

  /** The object drains and sleeps; a row of several events stays whole, so those confirmed of it count once more. */
  async #evict(): Promise<void> {
    await flushed()
    await this.#customer.evict()
    await tapQueue(this.#customer, this.#messages)
    this.#isCareful = true
    this.#forgetConfirmed()
  }

  #debitByHand(nanos: number): void {
    this.#postgres.credit(-nanos)
    this.#unseenDebits.push({ nanos, version: this.#postgres.account.version })
  }

  #changeLimits(): void {
    this.#oldSnapshots.push(this.#postgres.account)
    const limits = { ...this.#someCaps(), concurrency: 1 + this.#random.below(40) }
    const keys = keyIds.map((keyId) => key(keyId, { limits: this.#someCaps() }))
    this.#postgres.change({ overdraftNanos: this.#random.below(500), limits, keys })
    this.#maxOverdraftNanos = Math.max(this.#maxOverdraftNanos, this.#postgres.account.overdraftNanos)
  }

  #someCaps(): Limits {
    const caps: Limits = {}
    if (this.#random.chance(0.3)) caps.spendPerDayNanos = this.#random.below(10_000)
    if (this.#random.chance(0.3)) caps.spendPerMonthNanos = this.#random.below(30_000)
    if (this.#random.chance(0.2)) caps.concurrency = 1 + this.#random.below(20)
    if (this.#isCalm && this.#random.chance(0.3)) caps.requestsPerMinute = this.#random.below(60)
    if (this.#isCalm && this.#random.chance(0.2)) caps.requestsPerDay = this.#random.below(400)
    return caps
  }

  #refresh(ledger: CustomerLedger, snapshot: AccountSnapshot): void {
    ledger.refresh({ snapshot })
    if (snapshot.version > this.#account.version) this.#account = snapshot
    this.#takeBalance(snapshot.balanceNanos, snapshot.version)
    this.#compare(ledger)
  }

  async #ring(): Promise<void> {
    const rang = await this.#customer.ring()
    this.#check(rang || this.#model.holds.size === 0, 'holds are open and no alarm is set')
    if (!rang) return
    this.#model.expire(Date.now())
    for (const requestId of this.#model.forget(Date.now() - expiredKeptMs)) this.#retired.add(requestId)
  }

  /** The queue loses, repeats and reorders; so does the way back. */
  async #deliver(): Promise<void> {
    for (let tries = this.#random.below(4); tries > 0 && this.#messages.length > 0; tries--) {
      const index = this.#random.below(this.#messages.length)
      if (this.#random.chance(0.1)) this.#messages.splice(index, 1)
      else this.#post(index, { isRepeated: this.#random.chance(0.2) })
    }
    for (let tries = this.#random.below(4); tries > 0 && this.#notices.length > 0; tries--) {
      await this.#notify(this.#random.below(this.#notices.length), this.#random.chance(0.2))
    }
  }

  #post(index: number, { isRepeated = false, isWhole = false }): void {
    const [batch] = isRepeated ? this.#messages.slice(index, index + 1) : this.#messages.splice(index, 1)
    if (!batch) return
    // A consumer may post part of a batch, fail, and be given the whole again.
    const events = !isWhole && this.#random.chance(0.3) ? batch.events.filter(() => this.#random.chance(0.5)) : batch.events
    if (events.length > 0) this.#notices.push(this.#postgres.post(events))
  }

  async #notify(index: number, isRepeated = false): Promise<void> {
    const [notice] = isRepeated ? this.#notices.slice(index, index + 1) : this.#notices.splice(index, 1)
    if (!notice) return
    await this.#customer.inside((ledger) => {
      ledger.applied(notice)
      for (const eventId of notice.eventIds) this.#confirmed.add(eventId)
      this.#takeBalance(notice.balanceNanos, notice.version)
      this.#compare(ledger)
    })
  }

  #takeBalance(nanos: number, version: number): void {
    if (version > this.#balance.version) this.#balance = { nanos, version }
    this.#unseenDebits = this.#unseenDebits.filter((debit) => debit.version > this.#balance.version)
  }

  #compare(ledger: CustomerLedger): void {
    const keyId = this.#random.pick(keyIds)
    const { availableNanos, heldNanos, spend } = this.#standing(ledger, keyId)
    const model = this.#model
    this.#check(heldNanos === model.heldNanos, `held ${heldNanos}, the model says ${model.heldNanos}`)
    const expectedNanos = this.#balance.nanos + model.unconfirmedNanos(this.#confirmed) - model.heldNanos
    const isRight = this.#isCareful ? availableNanos <= expectedNanos : availableNanos === expectedNanos
    this.#check(isRight, `available ${availableNanos}, the model says ${expectedNanos}`)
    const trueNanos = this.#postgres.creditedNanos + model.movedNanos - model.heldNanos
    const unseenNanos = this.#unseenDebits.reduce((sum, { nanos }) => sum + nanos, 0)
    this.#check(availableNanos <= trueNanos + unseenNanos, `available ${availableNanos} of ${trueNanos} that are there`)
    // Nothing but a debit by hand passes the floor.
    const floorNanos = -this.#maxOverdraftNanos - this.#postgres.debitedNanos
    this.#check(trueNanos >= floorNanos, `${trueNanos} is below the floor of ${floorNanos}`)
    this.#compareSpend(keyId, 'day', spend.day)
    this.#compareSpend(keyId, 'month', spend.month)
  }

  #compareSpend(keyId: string, period: 'day' | 'month', remaining: number | null): void {
    const sinceMs = (period === 'day' ? dayOf : monthOf)(Date.now())
    const left = [null, keyId].flatMap((scope) => {
      const { spendPerDayNanos, spendPerMonthNanos } = limitsOf(this.#account, scope)
      const cap = period === 'day' ? spendPerDayNanos : spendPerMonthNanos
      return cap === undefined ? [] : [Math.max(0, cap - this.#model.spentSince(scope, sinceMs) - this.#model.heldBy(scope))]
    })
    const expected = left.length === 0 ? null : Math.min(...left)
    const isRight = this.#isSpendCareful && expected !== null ? (remaining ?? 0) <= expected : remaining === expected
    this.#check(isRight, `${remaining} left of the ${period}'s cap, the model says ${expected}`)
  }

  #standing(ledger: CustomerLedger, keyId = 'key_1') {
    const known = ledger.standing({ keyId, snapshot: this.#account })
    if (known.outcome !== 'known') throw new Error(`standing: ${known.outcome}`)
    const { availableNanos, spendPerDay, spendPerMonth } = known.standing
    const spend = { day: spendPerDay?.remaining ?? null, month: spendPerMonth?.remaining ?? null }
    return { availableNanos, heldNanos: known.heldNanos, spend }
  }

  #reference(requestId: string) {
    const { keyId, holdNanos, admittedAtMs } = this.#model.asked.get(requestId) ?? { keyId: 'key_1', holdNanos: 0, admittedAtMs: 0 }
    return reference(requestId, { keyId, holdNanos, startedAtMs: admittedAtMs, idempotency: idempotencyOf(requestId) })
  }

  #check(holds: boolean, message: string): void {
    if (!holds) throw new Error(`operation ${this.operations}: ${message}`)
  }
}

/** Only its cost tells whether a request has taken its idempotency key. */
function failedSettlement(costNanos: number): Settlement {
  return settlement(costNanos, { status: 502, end: 'upstream_error' })
}

function sameAmounts(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): boolean {
  return one.size === other.size && [...one].every(([eventId, amountNanos]) => other.get(eventId) === amountNanos)
}
