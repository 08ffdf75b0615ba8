import { faultsIn } from '../fault.ts'

const settling = ['workers/api/payments/settle.test.ts']
const charging = ['workers/api/payments/automatic/automatic.test.ts']
const receiving = ['workers/api/payments/receive-event.test.ts']
const granting = [
  'workers/services/promotions/spend-from-grants.test.ts',
  'workers/services/promotions/books.test.ts',
  'workers/api/promotions/promotions.test.ts',
]

/** How money comes in, goes back and is given away. */
export const payments = [
  ...faultsIn('workers/api/payments/judge-payment.ts', settling, [
    { promise: 'another currency is not credited', find: "paid.currency !== 'usd'", replace: 'paid.currency === null' },
    { promise: 'another amount is not credited', find: 'subtotalCents !== cents ||', replace: 'subtotalCents === null ||' },
    {
      promise: 'the payment of another customer is not credited',
      find: 'expected === null || paid.customerId !== expected',
      replace: 'expected === null',
    },
    { promise: 'a payment of the other mode is not credited', find: 'paid.livemode !== livemode ||', replace: '' },
  ]),
  ...faultsIn('workers/api/payments/credit-top-up.ts', settling, [
    { promise: 'a paid top-up is credited once', find: 'eventId: `topup:${id}`', replace: 'eventId: `topup:${crypto.randomUUID()}`' },
    { promise: 'a second payment is set aside', find: 'paid.paymentIntentId !== topUp.paymentIntentId', replace: 'false' },
  ]),
  ...faultsIn('workers/api/payments/settle.ts', settling, [
    { promise: 'what is not paid is not credited', find: "session.payment_status === 'unpaid'", replace: "session.status === 'expired'" },
  ]),
  ...faultsIn('workers/api/payments/returned.ts', settling, [
    { promise: 'parts that went back add up to the whole', find: 'if (returnedCents >= paidCents) return amountNanos\n', replace: '' },
  ]),
  ...faultsIn('workers/api/payments/settle-return.ts', settling, [
    { promise: 'what came back comes back once', find: 'before.cameBack || !given.cameBack', replace: '!given.cameBack' },
    {
      promise: 'of what failed before it was heard of nothing is taken',
      find: ': given.cameBack) return unchanged',
      replace: ': false) return unchanged',
    },
  ]),
  ...faultsIn('workers/api/payments/receive-event.ts', receiving, [
    {
      promise: 'an event counts for some minutes',
      find: 'signatureToleranceSeconds, cryptoProvider',
      replace: '1_000_000_000, cryptoProvider',
    },
    { promise: 'an event of the other mode waits for a person', find: 'livemode !== stored.settings.livemode', replace: 'false' },
  ]),
  ...faultsIn('workers/api/payments/automatic/ask-payment.ts', charging, [
    { promise: 'a lost answer charges once', find: '{ idempotencyKey: topUpId }', replace: '{ idempotencyKey: crypto.randomUUID() }' },
  ]),
  ...faultsIn('workers/api/payments/automatic/rule.ts', charging, [
    { promise: 'the cap of a month holds', find: 'spentNanos + amountNanos > monthlyCapNanos', replace: 'spentNanos > monthlyCapNanos' },
    { promise: 'one top-up is under way at a time', find: '!isActive || isUnderWay ||', replace: '!isActive ||' },
  ]),
  ...faultsIn('workers/services/promotions/spend-from-grants.ts', granting, [
    {
      promise: 'what ends first is spent first',
      find: 'one.expiresAt.getTime() - other.expiresAt.getTime()',
      replace: 'other.expiresAt.getTime() - one.expiresAt.getTime()',
    },
    { promise: 'each is spent once', find: '    unsetNanos -= BigInt(takenNanos)\n', replace: '' },
  ]),
  ...faultsIn('workers/services/promotions/expire-grants.ts', granting, [
    {
      promise: 'what was spent is not taken back',
      find: 'Math.min(remainingNanos, Math.max(balanceNanos, 0))',
      replace: 'Math.max(balanceNanos, 0)',
    },
    {
      promise: 'an end never takes a balance below zero',
      find: 'Math.min(remainingNanos, Math.max(balanceNanos, 0))',
      replace: 'remainingNanos',
    },
  ]),
]
