import { faultsIn } from '../fault.ts'

const suites = ['workers/ledger/idempotency.test.ts']

/** What an idempotency key promises: a retry runs once, and a failure may be tried again. */
export const idempotency = [
  ...faultsIn('workers/ledger/idempotency.ts', suites, [
    {
      promise: 'a key is taken while its request runs',
      find: 'this.#runningUse(keyHash) ?? this.#keptUse',
      replace: 'this.#keptUse',
    },
    { promise: 'a key stays taken when its request has ended', find: ' ?? this.#keptUse(keyHash, nowMs)', replace: '' },
    {
      promise: 'a key stands for one request only',
      find: "    if (use.bodyHash !== bodyHash) return { reason: 'idempotency_key_reused', retryAfterMs: null, earlier }\n",
      replace: '',
      money: false,
    },
    { promise: 'what was charged takes its key', find: 'return costNanos > 0 || (', replace: 'return (' },
    { promise: 'what was answered takes its key', find: "(status === 200 && end !== 'expired')", replace: 'costNanos > 0', money: false },
    { promise: 'a failure leaves its key free', find: "(status === 200 && end !== 'expired')", replace: 'status !== 200', money: false },
    { promise: 'an orphan charged nothing leaves its key free', find: " && end !== 'expired')", replace: ')', money: false },
    { promise: 'a key is free when its request is gone', find: '    running?.delete(requestId)\n', replace: '', money: false },
    {
      promise: 'a key given anew outlives the end of the request before',
      find: 'if (running?.size === 0) this',
      replace: 'if (running) this',
    },
    {
      promise: 'the truth about an orphan frees its key',
      find: '=== requestId) this.#ended.delete(keyHash)',
      replace: '=== bodyHash) this.#ended.delete(keyHash)',
      money: false,
    },
    {
      promise: 'a key is taken for a day',
      find: 'nowMs - endedAtMs < idempotencyKeptMs',
      replace: 'nowMs - endedAtMs < idempotencyKeptMs - 1',
    },
    { promise: 'a key is free after its day', find: 'nowMs - endedAtMs < idempotencyKeptMs', replace: 'endedAtMs <= nowMs', money: false },
    {
      promise: 'the oldest key leaves first',
      find: '    this.#ended.delete(keyHash)\n    this.#ended.set',
      replace: '    this.#ended.set',
    },
    {
      promise: 'the number of keys is bounded',
      find: 'this.#ended.size <= idempotencyKeysKept && isKept',
      replace: 'isKept',
      money: false,
    },
  ]),
  ...faultsIn('workers/ledger/rules.ts', suites, [
    {
      promise: 'a taken key is refused',
      find: '  if (taken) return { outcome',
      replace: '  if (taken === null) return { outcome',
    },
  ]),
  ...faultsIn('workers/ledger/position.ts', suites, [
    {
      promise: 'a hold takes its key',
      find: '    if (hold.idempotency) this.idempotency.begin(hold.idempotency, requestId)\n',
      replace: '',
    },
    {
      promise: 'a hold that ended runs no more under its key',
      find: '    if (hold.idempotency) this.idempotency.leave(hold.idempotency, requestId)\n',
      replace: '',
      money: false,
    },
  ]),
  ...faultsIn('workers/ledger/customer-ledger.ts', suites, [
    { promise: 'a hold knows its key', find: '      ...(idempotency && { idempotency }),\n', replace: '' },
    {
      promise: 'a request that ended tells its key',
      find: '      this.#position.idempotency.end(',
      replace: '      void (() => this.#position.idempotency.end)(',
    },
    { promise: 'how a key was used outlives the object', find: '      this.#journal.keyEnded(idempotency.keyHash)\n', replace: '' },
    {
      promise: 'late truth tells its key',
      find: 'this.#record(settle, adjustmentEvent(',
      replace: 'this.#record(({ ...settle, idempotency: undefined }) as never, adjustmentEvent(',
    },
  ]),
  ...faultsIn('workers/ledger/journal.ts', suites, [
    {
      promise: 'who takes a key is written before the answer',
      find: 'if (hold.idempotency || hold.holdNanos',
      replace: 'if (hold.holdNanos',
    },
    {
      promise: 'a key that is free after all is free in the next life',
      find: '      else this.#store.endKey(keyHash)\n',
      replace: '',
      money: false,
    },
    {
      promise: 'old keys make room',
      find: '    for (const keyHash of idempotency.dropOld(nowMs)) this.#store.freeKey(keyHash)\n',
      replace: '',
      money: false,
    },
  ]),
  ...faultsIn('workers/ledger/store.ts', suites, [
    { promise: 'a taken key outlives the object', find: '      idempotency.keep(keyHash, use)\n', replace: '' },
    {
      promise: 'the latest use of a key counts in the next life',
      find: 'one.endedAtMs - other.endedAtMs',
      replace: 'other.endedAtMs - one.endedAtMs',
      money: false,
    },
    {
      promise: 'a key takes the row of its hold',
      find: 'this.#slotOfKey.get(keyHash) ?? this.#ended.shift() ?? ',
      replace: 'this.#slotOfKey.get(keyHash) ?? ',
      money: false,
    },
    {
      promise: 'old keys are not read at every wake',
      find: '    for (const keyHash of idempotency.dropOld(Date.now())) this.endKey(keyHash)\n',
      replace: '',
      money: false,
    },
  ]),
]
