import { noteAuthenticated } from '#db/queries/accounts/change-session.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'

/** Makes a session fresh whose person has just used a passkey. */
export async function reauthenticate(
  platform: Platform,
  { userId, sessionId, passkeyId }: { userId: string; sessionId: string; passkeyId: string },
): Promise<void> {
  await platform.transact(async (tx) => {
    await noteAuthenticated(tx, sessionId, { secondFactor: true })
    await recordChange(tx, platform.actor, {
      chain: { userId },
      action: 'session.reauthenticated',
      target: { type: 'session', id: sessionId },
      after: { by: 'passkey', passkeyId },
    })
  })
}
