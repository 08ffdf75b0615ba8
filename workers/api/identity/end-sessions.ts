import { endSessions } from '#db/queries/accounts/end-sessions.ts'
import { lockRole } from '#db/queries/accounts/membership-rules.ts'
import { isAbove } from '#shared/access/roles.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Scope } from '../caller/caller.ts'

/** Ends all sessions of a person but the one that asks. */
export async function endOtherSessions(
  { transact, actor }: Platform,
  { userId, sessionId }: { userId: string; sessionId: string },
): Promise<void> {
  await transact(async (tx) => {
    await endSessions(tx, userId, sessionId)
    await recordChange(tx, actor, { chain: { userId }, action: 'sessions.others_ended', target: { type: 'user', id: userId } })
  })
}

/** Ends all sessions of a member, in every organization they belong to: a session is of a person, and not of an organization. */
export async function endSessionsOfMember(
  { transact, actor }: Platform,
  { organizationId, role, callerId }: Scope,
  userId: string,
): Promise<'ended' | 'unknown' | 'not_above'> {
  return transact(async (tx) => {
    const theirs = await lockRole(tx, { organizationId, userId })
    if (theirs === null) return 'unknown'
    if (role !== 'owner' && userId !== callerId && !isAbove(role, theirs)) return 'not_above'
    await endSessions(tx, userId, null)
    const target = { type: 'user', id: userId }
    for (const chain of [{ userId }, { organizationId }])
      await recordChange(tx, actor, { chain, action: 'member.sessions_ended', target, after: { organizationId } })
    return 'ended'
  })
}
