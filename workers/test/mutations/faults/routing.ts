import { faultsIn } from '../fault.ts'

const offering = ['workers/proxy/upstream/offers.test.ts']
const attempting = ['workers/proxy/upstream/attempts.test.ts']
const serving = ['workers/proxy/answer/admitted-call.test.ts']
const relaying = ['workers/proxy/relay.test.ts']

/** Which route a request is sent to, what it is held for and charged when there are several, and that no work is paid for twice. */
export const routing = [
  ...faultsIn('workers/proxy/upstream/offers.ts', offering, [
    {
      promise: 'a route with a price of its own is sold at it',
      find: 'price: route.price ?? model.price',
      replace: 'price: model.price',
    },
    {
      promise: 'a stored answer is continued only where it is',
      find: '(pinnedKey ?? offer.key) === offer.key',
      replace: 'offer !== undefined',
    },
  ]),
  ...faultsIn('workers/proxy/upstream/attempts.ts', attempting, [
    { promise: 'an attempt that may have done work is the last', find: '        if (!error.facts.mayMoveOn) break\n', replace: '' },
    { promise: 'a request causes so many attempts and no more', find: 'offers.slice(0, attemptsMost)', replace: 'offers' },
    {
      promise: 'an attempt that may have done work is not recorded as free',
      find: "mayMoveOn || outcome === 'refused' ? 0 : null",
      replace: '0',
    },
  ]),
  ...faultsIn('workers/proxy/upstream/attempts.ts', serving, [
    { promise: 'nobody is asked for a client that is gone', find: 'client.aborted || ', replace: '' },
  ]),
  ...faultsIn('workers/proxy/upstream/call.ts', serving, [
    {
      promise: 'a request whose connection was lost is not sent elsewhere',
      find: "outcome: 'unreachable', status: null, mayMoveOn: false",
      replace: "outcome: 'unreachable', status: null, mayMoveOn: true",
    },
  ]),
  ...faultsIn('workers/proxy/upstream/refusal.ts', serving, [
    {
      promise: 'a request that a gateway has passed on is not sent elsewhere',
      find: "outcome: 'timeout', mayMoveOn: false",
      replace: "outcome: 'timeout', mayMoveOn: true",
    },
  ]),
  ...faultsIn('workers/proxy/answer/stream-answer.ts', serving, [
    {
      promise: 'a stream that ended before it began is not run again elsewhere',
      find: 'if (done) throw failedFirst(false)',
      replace: 'if (done) throw failedFirst(true)',
    },
  ]),
  ...faultsIn('workers/proxy/answer/whole-answer.ts', serving, [
    {
      promise: 'half an answer is not run again elsewhere',
      find: "outcome: 'failed', status: 200, mayMoveOn: false",
      replace: "outcome: 'failed', status: 200, mayMoveOn: true",
    },
  ]),
  ...faultsIn('workers/proxy/admission/hold.ts', relaying, [
    {
      promise: 'a hold covers the dearest of the offers',
      find: 'dearest({ ...call.extras, inputTokens, outputTokens }, offers)',
      replace: 'dearest({ ...call.extras, inputTokens, outputTokens }, offers.slice(0, 1))',
    },
  ]),
  ...faultsIn('workers/proxy/relay.ts', relaying, [
    {
      promise: 'the ledger is asked about every model that may serve',
      find: 'fallbackModels: [...others]',
      replace: 'fallbackModels: []',
    },
  ]),
  ...faultsIn('workers/proxy/answer/admitted-call.ts', serving, [
    {
      promise: 'a request is charged at the price of the offer that served it',
      find: 'const offer = this.#attempts.offer ?? offers[0]\n',
      replace: 'const [offer] = offers\n',
    },
    { promise: 'who served in the place of another is recorded', find: '...(isOther && {', replace: '...(offer === undefined && {' },
    {
      promise: 'the cost told of a whole answer is what is charged',
      find: 'const costUsd = this.#chargedUsd(settlement)',
      replace: 'const costUsd = this.#chargedUsd({ ...settlement, costNanos: settlement.costNanos + 1 })',
    },
    {
      promise: 'the cost told in a stream is what is charged',
      find: "return this.#chargedUsd(this.#settlement(reading, 'completed', 200))",
      replace: 'return formatUsd(this.#admitted.admission.reference.holdNanos)',
    },
    {
      promise: 'a cost that is cut to its hold is told as it is charged',
      find: 'Math.min(nanos, this.#admitted.admission.reference.holdNanos)',
      replace: 'nanos',
    },
    {
      promise: 'only the attempt that was answered costs by its usage',
      find: "attempt.outcome === 'answered' ? { ...attempt, costNanos: answerNanos } : attempt",
      replace: '({ ...attempt, costNanos: answerNanos })',
    },
    {
      promise: 'what an answer costs us is not what it is sold for',
      find: 'costNanos(usage, offer.route.cost)',
      replace: 'costNanos(usage, offer.price)',
    },
    {
      promise: 'a stream that nobody waits for is cut in the end',
      find: 'setTimeout(() => this.#cancel(), Math.max(0, readOnMs - admission.leaseMs / 3))',
      replace: 'undefined',
    },
  ]),
]
