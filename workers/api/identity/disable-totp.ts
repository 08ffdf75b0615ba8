import type { Db } from '#db/client.ts'
import { lockUser } from '#db/queries/accounts/find-user.ts'
import { isSecondFactorRequired } from '#db/queries/accounts/membership-rules.ts'
import { replaceRecoveryCodes } from '#db/queries/accounts/recovery-codes.ts'
import { disableTotp as disableTotpRow } from '#db/queries/accounts/totp.ts'
import { deleteSecret } from '#db/queries/secret-of-place.ts'
import type { SecondFactorProof } from '#shared/contracts/api/second-factor.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Surroundings } from '../env.ts'
import { readProof, takeProof } from './second-factor-proof.ts'
import { totpPlace } from './totp.ts'

/** Turns an authenticator off, and forgets its secret and the recovery codes; false when the proof is wrong. */
export async function disableTotp(
  surroundings: Pick<Surroundings, 'db' | 'keyRing'>,
  { transact, actor }: Platform,
  userId: string,
  given: SecondFactorProof,
): Promise<boolean> {
  const proof = await readProof(surroundings, userId, given)
  return transact(async (tx) => {
    const user = await lockUser(tx, userId)
    await refuseDisabling(tx, userId, user?.totpEnabledAt ?? null)
    if (!proof || !(await takeProof(tx, actor, userId, proof))) return false
    for (const purpose of ['totp', 'totp_pending'] as const) await deleteSecret(tx, totpPlace(userId, purpose))
    await replaceRecoveryCodes(tx, userId, [])
    await disableTotpRow(tx, userId)
    await recordChange(tx, actor, { chain: { userId }, action: 'second_factor.disabled', target: { type: 'user', id: userId } })
    await queueMail(tx, { kind: 'notice', userId, notice: 'second_factor_disabled' })
    return true
  })
}

async function refuseDisabling(tx: Db, userId: string, enabledAt: Date | null): Promise<void> {
  if (enabledAt === null) throw new Problem('conflict', 'No authenticator is on.')
  if (await isSecondFactorRequired(tx, userId))
    throw new Problem('conflict', 'An organization that you belong to requires a second factor. Leave it first, or ask its owner.')
}
