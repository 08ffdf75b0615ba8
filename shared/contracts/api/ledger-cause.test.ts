import { expect, test } from 'vitest'
import { eventIdOf } from '../usage-event.ts'
import { LedgerCause, ledgerCauseOf } from './ledger-cause.ts'

const request = { requestId: 'req_01jd7m3v9c4t8k2n5q6r7s8w9x' }

test.each([
  [eventIdOf({ kind: 'settlement', request }), { type: 'request', ...request }],
  [eventIdOf({ kind: 'adjustment', request }), { type: 'adjustment', ...request }],
  ['topup:top_1', { type: 'top_up', topUpId: 'top_1' }],
  ['refund:re_1', { type: 'refund' }],
  ['refund_failed:re_1', { type: 'refund_failed' }],
  ['dispute:dp_1', { type: 'dispute' }],
  ['dispute_won:dp_1', { type: 'dispute_won' }],
  ['promotion:grn_1', { type: 'promotion', grantId: 'grn_1' }],
  ['promotion_expired:grn_1', { type: 'promotion_expired', grantId: 'grn_1' }],
  ['credit:opening:org_1', { type: 'opening' }],
  ['credit:ticket-12', { type: 'operator' }],
  // An operator's key may look like anything, and stays an operator's.
  ['credit:topup:top_1', { type: 'operator' }],
  ['credit:req_1:settlement', { type: 'operator' }],
  ['credit:opening', { type: 'operator' }],
  ['seed:demo-credit', { type: 'other' }],
  ['req_1:refund', { type: 'other' }],
  ['req_1:settlement:more', { type: 'other' }],
  ['toString:1', { type: 'other' }],
  ['topup:', { type: 'other' }],
  ['topup', { type: 'other' }],
  ['', { type: 'other' }],
])('%s tells its cause', (eventId, cause) => {
  expect(LedgerCause.parse(ledgerCauseOf(eventId))).toEqual(cause)
})
