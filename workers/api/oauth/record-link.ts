import type { Db } from '#db/client.ts'
import type { IdentityProvider } from '#db/queries/accounts/claim-identity.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Actor } from '#workers/services/platform.ts'

/** Tells the audit log that a user signs in by a provider from now on, as their own doing. Their id and address there are personal, and not in it. */
export async function recordLink(tx: Db, actor: Actor, userId: string, provider: IdentityProvider): Promise<void> {
  await recordChange(
    tx,
    { ...actor, type: 'user', id: userId },
    {
      chain: { userId },
      action: 'identity.linked',
      target: { type: 'identity', id: provider },
      after: { provider },
    },
  )
}
