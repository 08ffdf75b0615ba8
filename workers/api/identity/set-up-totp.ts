import { noteAuthenticated } from '#db/queries/accounts/change-session.ts'
import { lockUser } from '#db/queries/accounts/find-user.ts'
import { replaceRecoveryCodes } from '#db/queries/accounts/recovery-codes.ts'
import { enableTotp } from '#db/queries/accounts/totp.ts'
import { deleteSecret, putSecret, readSecret } from '#db/queries/secret-of-place.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import { openSecret } from '#workers/services/secrets/open.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import type { Person } from '../caller/caller.ts'
import type { Surroundings } from '../env.ts'
import { newRecoveryCodes } from './recovery-codes.ts'
import { newTotpSecret, stepOfCode, totpPlace, totpUri } from './totp.ts'

/** Makes a secret for somebody's authenticator, which is asked for nothing until a code of it is confirmed. */
export async function beginTotp(
  { keyRing }: Pick<Surroundings, 'keyRing'>,
  { transact, actor }: Platform,
  { userId, email }: Person,
): Promise<{ secret: string; uri: string }> {
  const secret = newTotpSecret()
  const place = totpPlace(userId, 'totp_pending')
  const sealed = await sealSecret(keyRing(), place, secret)
  await transact(async (tx) => {
    const user = await lockUser(tx, userId)
    if (user?.totpEnabledAt !== null) throw alreadyOn()
    await putSecret(tx, place, sealed)
    await recordChange(tx, actor, { chain: { userId }, action: 'second_factor.begun', target: { type: 'user', id: userId } })
  })
  return { secret, uri: totpUri(secret, email) }
}

/** Turns an authenticator on by a code of it, and answers the recovery codes; null when the code is wrong. This session counts as one with both factors. */
export async function confirmTotp(
  surroundings: Pick<Surroundings, 'keyRing'>,
  { db, transact, actor }: Platform,
  { userId, sessionId }: Person,
  code: string,
): Promise<string[] | null> {
  const [pendingPlace, place] = [totpPlace(userId, 'totp_pending'), totpPlace(userId, 'totp')]
  const pending = await readSecret(db, pendingPlace)
  if (!pending) throw new Problem('conflict', 'No authenticator is being set up. Begin with POST /api/me/totp.')
  const secret = await openSecret(surroundings.keyRing(), pendingPlace, pending)
  const step = stepOfCode(secret, code, Date.now())
  if (step === null) return null
  const sealed = await sealSecret(surroundings.keyRing(), place, secret)
  const { codes, hashes } = await newRecoveryCodes()
  await transact(async (tx) => {
    const user = await lockUser(tx, userId)
    if (user?.totpEnabledAt !== null) throw alreadyOn()
    if ((await readSecret(tx, pendingPlace))?.sealed !== pending.sealed)
      throw new Problem('conflict', 'Another authenticator was begun meanwhile. Confirm a code of that one.')
    await deleteSecret(tx, pendingPlace)
    await putSecret(tx, place, sealed)
    await enableTotp(tx, userId, step)
    await replaceRecoveryCodes(tx, userId, hashes)
    await noteAuthenticated(tx, sessionId, { secondFactor: true })
    await recordChange(tx, actor, { chain: { userId }, action: 'second_factor.enabled', target: { type: 'user', id: userId } })
    await queueMail(tx, { kind: 'notice', userId, notice: 'second_factor_enabled' })
  })
  return codes
}

function alreadyOn(): Problem {
  return new Problem('conflict', 'An authenticator is on already. Turn it off before setting up another.')
}
