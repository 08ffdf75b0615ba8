import { endSession as endSessionRow } from '#db/queries/accounts/end-session.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Surroundings } from '../env.ts'
import { endFamily } from './refresh-tokens.ts'

/**
 * Ends one session of somebody; false when they have none of this id, or it was ended before. Its refresh tokens are worth nothing from then on, whether
 * Redis can be told to forget them or not. Whose session ends because it was stolen gets a mail.
 */
export async function endSession(
  { redis }: Pick<Surroundings, 'redis'>,
  { transact, actor }: Pick<Platform, 'transact' | 'actor'>,
  which: { userId: string; sessionId: string },
  action: 'session.signed_out' | 'session.ended' | 'session.reuse_detected',
): Promise<boolean> {
  const { userId, sessionId } = which
  const hasEnded = await transact(async (tx) => {
    if (!(await endSessionRow(tx, which))) return false
    await recordChange(tx, actor, { chain: { userId }, action, target: { type: 'session', id: sessionId } })
    if (action === 'session.reuse_detected') await queueMail(tx, { kind: 'notice', userId, notice: 'session_stolen' })
    return true
  })
  if (hasEnded) await endFamily(redis, sessionId)
  return hasEnded
}
