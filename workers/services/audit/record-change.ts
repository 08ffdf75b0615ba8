import type { Db } from '#db/client.ts'
import { insertAuditEntry } from '#db/queries/audit/insert-entry.ts'
import type { Actor } from '../platform.ts'

export interface Change {
  /** What is changed belongs to this organization, or to nobody but this user, or to the platform. */
  chain: { organizationId: string } | { userId: string } | 'platform'
  /** In the past tense, such as `key.revoked`. */
  action: string
  target: { type: string; id: string }
  /** What of the target was changed, as it was; absent when there was nothing. Never a secret, nor a hash of one. */
  before?: Record<string, unknown> | undefined
  /** As it is now; absent when nothing is left. */
  after?: Record<string, unknown> | undefined
}

/** Writes a change into the audit log; call it in the transaction that makes the change, so that neither is ever without the other. */
export async function recordChange(tx: Db, actor: Actor, change: Change): Promise<void> {
  await insertAuditEntry(tx, {
    chain: chainOf(change.chain),
    actor,
    action: change.action,
    target: change.target,
    before: change.before ?? null,
    after: change.after ?? null,
  })
}

/** The name of the chain that holds what happened to an organization, a user or the platform. */
export function chainOf(chain: Change['chain']): string {
  if (chain === 'platform') return chain
  return 'organizationId' in chain ? chain.organizationId : chain.userId
}
