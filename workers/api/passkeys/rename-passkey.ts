import type { PasskeyRow } from '#db/queries/accounts/list-passkeys.ts'
import { renamePasskey as renameRow } from '#db/queries/accounts/rename-passkey.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'

/** Gives a passkey another name; null when the person has no such passkey. */
export async function renamePasskey(platform: Platform, userId: string, passkeyId: string, name: string): Promise<PasskeyRow | null> {
  return platform.transact(async (tx) => {
    const renamed = await renameRow(tx, { userId, passkeyId, name })
    if (!renamed) return null
    await recordChange(tx, platform.actor, {
      chain: { userId },
      action: 'passkey.renamed',
      target: { type: 'passkey', id: passkeyId },
      before: { name: renamed.before },
      after: { name },
    })
    return renamed.row
  })
}
