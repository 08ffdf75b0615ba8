import { noteAuthenticated } from '#db/queries/accounts/change-session.ts'
import type { Reauthentication } from '#shared/contracts/api/sessions.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Person } from '../caller/caller.ts'
import type { Surroundings } from '../env.ts'
import { findByPassword } from './find-by-password.ts'
import { type ReadProof, readProof, takeProof } from './second-factor-proof.ts'

/** Notes that who has the session has shown once more who they are; false when what they showed is wrong. */
export async function reauthenticate(
  surroundings: Surroundings,
  { transact, actor }: Platform,
  { userId, sessionId, email }: Person,
  shown: Reauthentication,
): Promise<boolean> {
  let proof: ReadProof | null = null
  if ('code' in shown) {
    proof = await readProof(surroundings, userId, shown)
    if (!proof) return false
  } else if ((await findByPassword(surroundings.db, { email, password: shown.password }))?.userId !== userId) return false
  return transact(async (tx) => {
    if (proof && !(await takeProof(tx, actor, userId, proof))) return false
    await noteAuthenticated(tx, sessionId, { secondFactor: proof !== null })
    await recordChange(tx, actor, {
      chain: { userId },
      action: 'session.reauthenticated',
      target: { type: 'session', id: sessionId },
      after: { by: proof?.by ?? 'password' },
    })
    return true
  })
}
