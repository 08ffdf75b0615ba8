import { faultsIn } from '../fault.ts'

const admission = ['workers/ledger/admission.test.ts']
const spending = ['workers/ledger/spending.test.ts']
const admitting = [...admission, ...spending]
const ofKeys = ['workers/ledger/key-limits.test.ts']
const bookkeeping = ['workers/ledger/position.test.ts']
const settling = ['workers/ledger/settlement.test.ts']
const confirming = ['workers/ledger/confirmation.test.ts']
const storing = ['workers/ledger/storage.test.ts']
const waking = [...settling, ...storing]
const exposing = ['workers/ledger/postgres-away.test.ts']
const limiting = ['workers/ledger/windows.test.ts', ...admission]
const amounts = ['workers/ledger/amounts.test.ts']
const modelling = ['workers/ledger/model.test.ts', ...settling]

/** The customer's object: what it admits, what it charges, and what it never forgets. */
export const ledger = [
  ...faultsIn('workers/ledger/rules.ts', admitting, [
    {
      promise: 'what is held is not promised again',
      find: 'budget.leftNanos - budget.heldNanos < holdNanos)',
      replace: 'budget.leftNanos < holdNanos)',
    },
    {
      promise: 'the floor holds to the nano',
      find: 'budget.leftNanos - budget.heldNanos < holdNanos)',
      replace: 'budget.leftNanos - budget.heldNanos < holdNanos - 1)',
    },
  ]),
  ...faultsIn('workers/ledger/rules.ts', admission, [
    { promise: 'a replay with another amount is refused', find: '    holdNanos === admit.holdNanos &&\n', replace: '' },
    {
      promise: 'a suspended customer spends nothing',
      find: "  if (account.status !== 'active') return refuse('account_suspended')\n",
      replace: '',
    },
    {
      promise: 'an expired key spends nothing',
      find: "  if (key.expiresAtMs !== null && key.expiresAtMs <= nowMs) return refuse('key_expired')\n",
      replace: '',
    },
    {
      promise: 'a key spends on its models only',
      find: '!wantedModels(admit).every((model) => allowedModels.includes(model))',
      replace: 'wantedModels(admit).length < 0',
      money: false,
    },
    {
      promise: 'concurrency of a customer is bounded',
      find: 'position.holds.size >= (account',
      replace: 'position.holds.size > (account',
      money: false,
    },
  ]),
  ...faultsIn('workers/ledger/rules.ts', ofKeys, [
    {
      promise: 'concurrency of a key is bounded',
      find: 'position.held(key.keyId).leases >= (key',
      replace: 'position.held(key.keyId).leases > (key',
      money: false,
    },
  ]),
  ...faultsIn(
    'workers/ledger/rules.ts',
    ['workers/ledger/allowed-addresses.test.ts'],
    [
      {
        promise: 'a key spends from its addresses only',
        find: 'key.allowedIps && clientIp',
        replace: 'key.allowedIps && keyId === undefined && clientIp',
        money: false,
      },
    ],
  ),
  ...faultsIn('workers/ledger/rules.ts', settling, [
    {
      promise: 'a cost above the hold is cut to it',
      find: 'const capped = settlement.costNanos > reference.holdNanos',
      replace: 'const capped = settlement.costNanos < 0',
    },
    {
      promise: 'an adjustment posts the difference',
      find: 'amountNanos: expired.costNanos - costNanos',
      replace: 'amountNanos: -costNanos',
    },
    {
      promise: 'an orphan is settled from its last report',
      find: "hold.report ? { ...hold.report, estimated: true, end: 'expired' } : unheard",
      replace: 'unheard',
    },
    {
      promise: 'a settlement by expiry says that it is estimated',
      find: "...hold.report, estimated: true, end: 'expired'",
      replace: "...hold.report, end: 'expired'",
      money: false,
    },
  ]),
  ...faultsIn('workers/ledger/rules.ts', modelling, [
    {
      promise: 'late truth takes no more than there is',
      find: 'expired.costNanos + Math.max(0, meansNanos)',
      replace: 'expired.costNanos + Math.abs(meansNanos) + reference.holdNanos',
    },
  ]),
  ...faultsIn('workers/ledger/rules.ts', exposing, [
    {
      promise: 'what was spent outside Postgres is exposed',
      find: 'position.heldNanos - position.unconfirmedNanos + holdNanos >',
      replace: 'position.heldNanos + holdNanos >',
    },
    {
      promise: 'what is held outside Postgres is exposed',
      find: 'position.heldNanos - position.unconfirmedNanos + holdNanos >',
      replace: 'holdNanos - position.unconfirmedNanos >',
    },
    {
      promise: 'a backlog of events admits nothing more',
      find: 'position.unconfirmed.size >= unconfirmedMost',
      replace: 'position.unconfirmed.size < 0',
      money: false,
    },
  ]),
  ...faultsIn('workers/ledger/budgets.ts', ofKeys, [
    {
      promise: 'what a key holds counts against its cap',
      find: 'keyId === null ? position.heldNanos : position.held(keyId).nanos',
      replace: 'keyId === null ? position.heldNanos : 0',
    },
  ]),
  ...faultsIn('workers/ledger/budgets.ts', spending, [
    {
      promise: 'what a customer holds counts against its cap',
      find: 'keyId === null ? position.heldNanos : position.held(keyId).nanos',
      replace: 'keyId === null ? 0 : position.held(keyId).nanos',
    },
    { promise: 'what was spent counts against a cap', find: 'leftNanos: capNanos - spentNanos', replace: 'leftNanos: capNanos' },
    {
      promise: 'the cap of a key holds beside that of its customer',
      find: ', ...spendBudgets(position, key.keyId, key.limits, nowMs)]',
      replace: ']',
    },
  ]),
  ...faultsIn('workers/ledger/spending.ts', bookkeeping, [
    {
      promise: 'a request is spent by its key and by its customer',
      find: 'for (const scope of [wholeCustomer, keyId])',
      replace: 'for (const scope of [keyId])',
    },
    { promise: 'a new day begins with nothing spent', find: '(added.day === known.day ? known.dayNanos : 0)', replace: 'known.dayNanos' },
    { promise: 'a day adds what is spent in it', find: '(added.day === known.day ? known.dayNanos : 0)', replace: '0' },
    { promise: 'a month adds what is spent in it', find: '(added.month === known.month ? known.monthNanos : 0)', replace: '0' },
    {
      promise: 'yesterday counts no more',
      find: 'spending?.day === dayOf(nowMs) ? spending.dayNanos : 0',
      replace: 'spending ? spending.dayNanos : 0',
    },
  ]),
  ...faultsIn('workers/ledger/position.ts', modelling, [
    {
      promise: 'a settlement not yet in Postgres is spent',
      find: 'this.balanceNanos + this.unconfirmedNanos - this.heldNanos',
      replace: 'this.balanceNanos - this.heldNanos',
    },
    {
      promise: 'a hold is not available',
      find: 'this.balanceNanos + this.unconfirmedNanos - this.heldNanos',
      replace: 'this.balanceNanos + this.unconfirmedNanos',
    },
    { promise: 'a hold is released once', find: '    this.holds.delete(requestId)\n', replace: '' },
    { promise: 'a hold that ended holds nothing', find: '-1, -hold.holdNanos)', replace: '-1, 0)' },
    { promise: 'a confirmed event is no longer unconfirmed', find: '    this.unconfirmed.delete(eventId)\n', replace: '' },
    { promise: 'a confirmed debit is counted in the balance only', find: '    this.unconfirmedNanos -= debitOf(entry)\n', replace: '' },
    { promise: 'what a request was charged is remembered', find: '    this.settled.set(entry.requestId, entry.costNanos)\n', replace: '' },
  ]),
  ...faultsIn('workers/ledger/position.ts', confirming, [
    { promise: 'an older account never replaces a newer one', find: '    if (snapshot.version < known) return false\n', replace: '' },
    { promise: 'an older balance never replaces a newer one', find: '    if (version <= this.balanceVersion) return\n', replace: '' },
    { promise: 'the version of a balance is kept with it', find: '    this.balanceVersion = version\n', replace: '' },
    {
      promise: 'a credit counts when it is posted, not before',
      find: 'return Math.min(0, entry.amountNanos)',
      replace: 'return entry.amountNanos',
    },
  ]),
  ...faultsIn('workers/ledger/position.ts', bookkeeping, [
    {
      promise: 'an event is counted once until it is confirmed',
      find: '    if (this.unconfirmed.has(eventId)) return false\n',
      replace: '',
    },
  ]),
  ...faultsIn('workers/ledger/position.ts', spending, [
    {
      promise: 'a correction downwards gives back to the caps',
      find: 'nanos: 0 - amountNanos }',
      replace: 'nanos: Math.max(0, -amountNanos) }',
    },
  ]),
  ...faultsIn('workers/ledger/customer-ledger.ts', admission, [
    {
      promise: 'an admission asked for twice holds once',
      find: 'if (!this.#position.holds.has(requestId)) {',
      replace: 'if (requestId) {',
    },
    {
      promise: 'an ended request is not admitted again',
      find: '= this.#position.hasEnded(requestId)\n      ? {',
      replace: '= requestId === null\n      ? {',
    },
    {
      promise: 'a hold is not negative',
      find: '    const nowMs = Date.now()\n    assertAmount(admit.holdNanos)\n',
      replace: '    const nowMs = Date.now()\n',
    },
  ]),
  ...faultsIn('workers/ledger/customer-ledger.ts', amounts, [
    { promise: 'a report costs nothing below zero', find: '    assertAmount(renewal.report.costNanos)\n', replace: '' },
    {
      promise: 'a hold opened again is not negative',
      find: '    assertAmount(renewal.holdNanos)\n',
      replace: '',
    },
    { promise: 'a settlement costs nothing below zero', find: '      assertAmount(settlement.costNanos)\n', replace: '' },
  ]),
  ...faultsIn('workers/ledger/customer-ledger.ts', settling, [
    {
      promise: 'a settled request is not opened again by its renewal',
      find: "    if (this.#position.hasEnded(requestId)) return { outcome: 'ended' }\n",
      replace: '',
    },
    { promise: 'a renewal keeps its report', find: '    hold.report = renewal.report\n', replace: '' },
    { promise: 'a renewal keeps the lease alive', find: '    hold.leaseExpiresAtMs = nowMs + this.#settings.leaseMs\n', replace: '' },
    {
      promise: 'only the first settle charges',
      find: "    if (earlierNanos !== undefined) return { outcome: 'already_settled', costNanos: earlierNanos }\n",
      replace: '',
    },
    {
      promise: 'a settle frees its hold',
      find: '    const hold = this.#position.close(requestId)\n    this.#journal.holdEnded(requestId)\n',
      replace: '    const hold = this.#position.holds.get(requestId)\n    this.#journal.holdEnded(requestId)\n',
    },
    {
      promise: 'the hold that was admitted bounds the cost, not the one that settles',
      find: 'settlementEvent(reference, settle',
      replace: 'settlementEvent(settle, settle',
    },
    { promise: 'late truth is taken once', find: '    this.#dropExpired(settle.request.requestId)\n', replace: '' },
    {
      promise: 'an expired request waits for its truth',
      find: '      this.#position.expired.set(hold.request.requestId, { costNanos, expiredAtMs: nowMs })\n',
      replace: '      void costNanos\n',
    },
    {
      promise: 'an expiry that is confirmed still waits for its truth',
      find: 'if (entry?.expired && this.#position.expired.has(entry.requestId)) this',
      replace: 'if (entry === undefined) this',
    },
    { promise: 'a living lease does not expire', find: '      if (hold.leaseExpiresAtMs > nowMs) continue\n', replace: '' },
    {
      promise: 'a settlement is durable before it is answered',
      find: '    await this.#journal.durable()\n    return outcomes',
      replace: '    void this.#journal.durable()\n    return outcomes',
    },
    { promise: 'a released hold gives its tokens back', find: '    this.#correctTokens(hold, 0)\n', replace: '', money: false },
  ]),
  ...faultsIn('workers/ledger/customer-ledger.ts', confirming, [
    {
      promise: 'a confirmation brings its balance',
      find: '    this.#position.takeBalance(checkedNanos(balanceNanos), version)\n',
      replace: '',
    },
    {
      promise: 'a confirmation is told by version',
      find: 'takeBalance(checkedNanos(balanceNanos), version)',
      replace: 'takeBalance(checkedNanos(balanceNanos), this.#position.balanceVersion + 1)',
    },
    { promise: 'a confirmed balance is written', find: '    this.#journal.eventsConfirmed(eventIds)\n', replace: '' },
  ]),
  ...faultsIn('workers/ledger/journal.ts', settling, [
    {
      promise: 'a large hold is written before it is admitted',
      find: 'hold.holdNanos >= durableAtOnceNanos',
      replace: 'hold.holdNanos > durableAtOnceNanos',
    },
    { promise: 'a hold that lives on is written', find: '      if (hold) this.#store.writeHold(hold)\n', replace: '' },
    { promise: 'an event that was settled is written', find: '    this.#unwrittenEvents.push(eventId)\n', replace: '' },
    { promise: 'the hold of a settled request is gone from the disk', find: '    this.#store.endHold(requestId)\n', replace: '' },
  ]),
  ...faultsIn('workers/ledger/store.ts', confirming, [
    { promise: 'a row with an event that is not confirmed stays', find: '      if (row.left > 0) continue\n', replace: '' },
  ]),
  ...faultsIn('workers/ledger/store.ts', spending, [
    { promise: 'the newest balance on disk counts', find: 'other.sequence - one.sequence', replace: 'one.sequence - other.sequence' },
    { promise: 'what was spent outlives its row', find: '      for (const spend of row.spends) this.#spending.add(spend)\n', replace: '' },
    {
      promise: 'what was spent outlives the object',
      find: '    for (const book of [this.#spending, position.spending]) book.addAll(spending)\n',
      replace: '',
    },
  ]),
  ...faultsIn('workers/ledger/store.ts', storing, [
    { promise: 'a written event may leave', find: '        entry.isWritten = true\n', replace: '' },
  ]),
  ...faultsIn('workers/ledger/store.ts', settling, [
    {
      promise: 'the truth about an orphan outlives the object',
      find: '      if (!entry.adjusts) continue\n',
      replace: '      if (entry) continue\n',
    },
    { promise: 'a row is not overwritten while it counts', find: '      this.#nextSlot = slot + 1\n', replace: '' },
    {
      promise: 'an expiry outlives the object',
      find: '      if (entry.expired) position.expired.set(entry.requestId, entry.expired)\n',
      replace: '',
    },
  ]),
  ...faultsIn('workers/ledger/outbox.ts', storing, [
    { promise: 'an event leaves when it is written, not before', find: 'entry.isWritten && (', replace: '(' },
    {
      promise: 'an event nobody confirms is sent again',
      find: 'entry.sentAtMs === 0 || nowMs - entry.sentAtMs >= this.#resendAfterMs',
      replace: 'entry.sentAtMs === 0',
    },
    {
      promise: 'an event the queue refused stays due',
      find: '      for (const entry of entries) entry.sentAtMs = 0\n',
      replace: '',
      money: false,
    },
    { promise: 'every event is in a message', find: 'due.slice(index, index + messageEvents)', replace: 'due.slice(index, messageEvents)' },
    {
      promise: 'both halves of a message that is too large are sent',
      find: 'of halves(entries)) await',
      replace: 'of halves(entries).slice(1)) await',
    },
  ]),
  ...faultsIn('workers/ledger/deadlines.ts', waking, [
    {
      promise: 'an orphan wakes its object',
      find: '    for (const hold of holds.values()) dueAtMs = Math.min(dueAtMs, hold.leaseExpiresAtMs)\n',
      replace: '',
    },
    { promise: 'an unconfirmed event wakes its object', find: '    if (oldest) dueAtMs', replace: '    if (!oldest) dueAtMs' },
    {
      promise: 'an alarm that rang is set again',
      find: '  rang(): void {\n    this.#alarmAtMs = Number.POSITIVE_INFINITY',
      replace: '  rang(): void {',
    },
  ]),
  ...faultsIn('workers/ledger/windows.ts', limiting, [
    {
      promise: 'requests of a minute are bounded',
      find: 'used.requests + 1 > requestsPerMinute)',
      replace: 'used.requests > requestsPerMinute)',
      money: false,
    },
    {
      promise: 'tokens of a minute are bounded',
      find: 'used.tokens + tokens > tokensPerMinute)',
      replace: 'used.tokens > tokensPerMinute)',
      money: false,
    },
    { promise: 'requests of a day are counted', find: '  window.dayRequests += 1\n', replace: '', money: false },
  ]),
]
