import { lockFinding, type PaymentFindingRow, resolveFinding as saveResolution } from '#db/queries/payments/findings.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Platform } from '../platform.ts'

export type ResolveFindingOutcome =
  | { outcome: 'resolved'; finding: PaymentFindingRow }
  | { outcome: 'refused'; reason: 'unknown' | 'already_resolved' }

/** Notes what a person decided about a finding. From then on the platform settles that object by itself no more: whatever was done about it was done by hand. */
export function resolveFinding(
  { transact, actor }: Pick<Platform, 'transact' | 'actor'>,
  id: number,
  note: string,
): Promise<ResolveFindingOutcome> {
  return transact(async (tx): Promise<ResolveFindingOutcome> => {
    const before = await lockFinding(tx, id)
    if (!before) return { outcome: 'refused', reason: 'unknown' }
    if (before.resolvedAt) return { outcome: 'refused', reason: 'already_resolved' }
    const finding = await saveResolution(tx, id, { resolvedBy: actor.id, resolution: note })
    const { objectId, reason, organizationId } = finding
    await recordChange(tx, actor, {
      chain: organizationId === null ? 'platform' : { organizationId },
      action: 'payment_finding.resolved',
      target: { type: 'payment_finding', id: String(id) },
      after: { objectId, reason, resolution: note },
    })
    return { outcome: 'resolved', finding }
  })
}
