/** Promotional credit of which something may be left. */
export interface LivingGrant {
  id: string
  remainingNanos: number
  expiresAt: Date
}

/**
 * What is left of the grants, those that end first before the rest, when so much was spent while all of them could be spent. What no grant had left for was paid
 * credit. An amount below zero gives nothing back: later spend makes up for it.
 */
export function spendFromGrants<Grant extends LivingGrant>(grants: readonly Grant[], spentNanos: bigint): Grant[] {
  let unsetNanos = spentNanos > 0n ? spentNanos : 0n
  return grants.toSorted(byEnd).map((grant) => {
    const takenNanos = unsetNanos < BigInt(grant.remainingNanos) ? Number(unsetNanos) : grant.remainingNanos
    unsetNanos -= BigInt(takenNanos)
    return { ...grant, remainingNanos: grant.remainingNanos - takenNanos }
  })
}

function byEnd(one: LivingGrant, other: LivingGrant): number {
  return one.expiresAt.getTime() - other.expiresAt.getTime() || (one.id < other.id ? -1 : 1)
}

/** How much of a balance is promotional credit. */
export function promotionalNanosOf(grants: readonly LivingGrant[], balanceNanos: number): number {
  const mostNanos = Math.max(balanceNanos, 0)
  return grants.reduce((sum, { remainingNanos }) => Math.min(sum + remainingNanos, mostNanos), 0)
}
