import { z } from 'zod'

const plainTypes = ['refund', 'refund_failed', 'dispute', 'dispute_won', 'operator', 'opening', 'other'] as const

/** Why a balance moved, and what it is about. `operator`: the platform gave or took by hand; `opening`: what an organization began with. */
export const LedgerCause = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['request', 'adjustment']), requestId: z.string() }),
  z.object({ type: z.literal('top_up'), topUpId: z.string() }),
  z.object({ type: z.enum(['promotion', 'promotion_expired']), grantId: z.string() }),
  z.object({ type: z.enum(plainTypes) }),
])
export type LedgerCause = z.infer<typeof LedgerCause>

/** The cause that the event id of a ledger entry tells, by its prefix or, for a request, by its end. */
export function ledgerCauseOf(eventId: string): LedgerCause {
  const [, requestId, end] = /^(req_[0-9a-z_]+):(settlement|adjustment)$/.exec(eventId) ?? []
  if (requestId !== undefined) return { type: end === 'settlement' ? 'request' : 'adjustment', requestId }
  const [, prefix, rest = ''] = /^([a-z_]+):(.+)$/s.exec(eventId) ?? []
  switch (prefix) {
    case 'topup':
      return { type: 'top_up', topUpId: rest }
    case 'promotion':
    case 'promotion_expired':
      return { type: prefix, grantId: rest }
    case 'refund':
    case 'refund_failed':
    case 'dispute':
    case 'dispute_won':
      return { type: prefix }
    case 'credit':
      return { type: rest.startsWith('opening:org_') ? 'opening' : 'operator' }
    default:
      return { type: 'other' }
  }
}
