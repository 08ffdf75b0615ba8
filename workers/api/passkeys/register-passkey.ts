import { lockUser } from '#db/queries/accounts/find-user.ts'
import { insertPasskey } from '#db/queries/accounts/insert-passkey.ts'
import { listPasskeys, type PasskeyRow } from '#db/queries/accounts/list-passkeys.ts'
import { maxPasskeys } from '#shared/contracts/api/passkeys.ts'
import { newId } from '#shared/values/id.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { NewCredential } from './registration.ts'

export type RegisterOutcome =
  | { outcome: 'registered'; passkey: PasskeyRow }
  | { outcome: 'refused'; reason: 'credential_known' | 'too_many' | 'account_gone' }

/** Gives an account one more passkey. */
export async function registerPasskey(
  platform: Platform,
  userId: string,
  name: string,
  credential: NewCredential,
): Promise<RegisterOutcome> {
  const id = newId('pky')
  return platform.transact(async (tx) => {
    if (!(await lockUser(tx, userId))) return { outcome: 'refused', reason: 'account_gone' }
    if ((await listPasskeys(tx, userId)).length >= maxPasskeys) return { outcome: 'refused', reason: 'too_many' }
    const passkey = await insertPasskey(tx, { id, userId, name, ...credential })
    if (!passkey) return { outcome: 'refused', reason: 'credential_known' }
    await recordChange(tx, platform.actor, {
      chain: { userId },
      action: 'passkey.added',
      target: { type: 'passkey', id },
      after: { name, backedUp: credential.backedUp },
    })
    await queueMail(tx, { kind: 'notice', userId, notice: 'passkey_added' })
    return { outcome: 'registered', passkey }
  })
}
