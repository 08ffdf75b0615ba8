import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const MembershipRow = z.object({
  organizationId: z.string(),
  role: Role,
  /** Beside this person. */
  otherMembers: SafeBigint,
  otherOwners: SafeBigint,
})
export type MembershipRow = z.infer<typeof MembershipRow>

/** Where a person belongs, and who would be left without them. */
export async function listMemberships(db: Db, userId: string): Promise<MembershipRow[]> {
  const statement = sql`
    select m.organization_id as "organizationId", m.role,
      count(other.user_id) as "otherMembers", count(other.user_id) filter (where other.role = 'owner') as "otherOwners"
    from memberships m left join memberships other on other.organization_id = m.organization_id and other.user_id <> m.user_id
    where m.user_id = ${userId}
    group by m.organization_id, m.role order by m.organization_id`
  return readRows(db, statement, MembershipRow)
}
