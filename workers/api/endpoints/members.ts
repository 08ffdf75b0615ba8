import { listMembers, type MemberRow } from '#db/queries/organizations/list-members.ts'
import { type Member, memberOperations as operations } from '#shared/contracts/api/members.ts'
import { UserId } from '#shared/contracts/api/parameters.ts'
import { redactEmail } from '#shared/values/email.ts'
import { pageFrom, readCursor } from '#workers/services/cursor.ts'
import type { Scope } from '../caller/caller.ts'
import { endpoint } from '../endpoint.ts'
import { changeRole, removeMember } from '../organizations/members.ts'

export const memberEndpoints = [
  endpoint(operations.list, async ({ surroundings, scope: { organizationId, grant }, query: { cursor, limit } }) => {
    const list = `members ${organizationId}`
    const rows = await listMembers(surroundings.db, organizationId, { afterId: readCursor(list, cursor, UserId), limit: limit + 1 })
    const { data, next } = pageFrom({ rows, limit, list }, ({ userId }) => userId)
    return { data: data.map((row) => memberOf(row, grant)), next }
  }),
  endpoint(operations.changeRole, async ({ platform, scope, params: { userId }, body: { role } }) => {
    await changeRole(platform, scope, { userId, role })
    return { userId, role }
  }),
  endpoint(operations.remove, ({ platform, scope, params }) => removeMember(platform, scope, params.userId)),
]

function memberOf({ userId, name, email, role, joinedAtMs, lastSeenAtMs }: MemberRow, grant: Scope['grant']): Member {
  const joinedAt = new Date(joinedAtMs).toISOString()
  if (grant !== 'yes') return { userId, name, email: redactEmail(email), role, joinedAt, lastSeenAt: null }
  return { userId, name, email, role, joinedAt, lastSeenAt: lastSeenAtMs === null ? null : new Date(lastSeenAtMs).toISOString() }
}
