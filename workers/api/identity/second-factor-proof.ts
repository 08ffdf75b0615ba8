import type { Db } from '#db/client.ts'
import { useUpRecoveryCode } from '#db/queries/accounts/recovery-codes.ts'
import { takeTotpStep } from '#db/queries/accounts/totp.ts'
import { readSecret } from '#db/queries/secret-of-place.ts'
import type { SecondFactorProof } from '#shared/contracts/api/second-factor.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Actor } from '#workers/services/platform.ts'
import { openSecret } from '#workers/services/secrets/open.ts'
import type { Surroundings } from '../env.ts'
import { hashOfRecoveryCode } from './recovery-codes.ts'
import { stepOfCode, totpPlace } from './totp.ts'

/** A proof that was looked at and not yet taken. */
export type ReadProof = { by: 'totp'; step: number } | { by: 'recovery_code'; codeHash: string }

/** Looks at a proof, outside of any transaction; null when it is wrong for sure. Throws a `KekFailure` when the secret cannot be opened. */
export async function readProof(
  { db, keyRing }: Pick<Surroundings, 'db' | 'keyRing'>,
  userId: string,
  proof: SecondFactorProof,
): Promise<ReadProof | null> {
  if ('recoveryCode' in proof) return { by: 'recovery_code', codeHash: await hashOfRecoveryCode(proof.recoveryCode) }
  const place = totpPlace(userId, 'totp')
  const sealed = await readSecret(db, place)
  if (!sealed) return null
  const step = stepOfCode(await openSecret(keyRing(), place, sealed), proof.code, Date.now())
  return step === null ? null : { by: 'totp', step }
}

/** Takes a proof, once among all who have it, and mails the person when it is a recovery code; false when it was taken before, or is no proof of theirs. */
export async function takeProof(tx: Db, actor: Actor, userId: string, proof: ReadProof): Promise<boolean> {
  if (proof.by === 'totp') return takeTotpStep(tx, userId, proof.step)
  if (!(await useUpRecoveryCode(tx, userId, proof.codeHash))) return false
  await recordChange(tx, actor, { chain: { userId }, action: 'recovery_code.used', target: { type: 'user', id: userId } })
  await queueMail(tx, { kind: 'notice', userId, notice: 'recovery_code_used' })
  return true
}
