import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const MemberRow = z.object({
  userId: z.string(),
  name: z.string(),
  email: z.string(),
  role: Role,
  joinedAtMs: SafeBigint,
  lastSeenAtMs: SafeBigint.nullable(),
})
export type MemberRow = z.infer<typeof MemberRow>

/** Members of an organization in order of id, behind the given one. */
export function listMembers(db: Db, organizationId: string, page: { afterId: string | null; limit: number }): Promise<MemberRow[]> {
  const statement = sql`
    select u.id as "userId", u.name, u.email, m.role, floor(extract(epoch from m.created_at) * 1000)::bigint as "joinedAtMs",
      (select floor(extract(epoch from max(s.last_seen_at)) * 1000)::bigint from sessions s where s.user_id = u.id) as "lastSeenAtMs"
    from memberships m join users u on u.id = m.user_id
    where m.organization_id = ${organizationId} and u.deleted_at is null and u.id > ${page.afterId ?? ''}
    order by u.id limit ${page.limit}`
  return readRows(db, statement, MemberRow)
}
