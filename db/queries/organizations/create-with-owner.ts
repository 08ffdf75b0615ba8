import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'

/**
 * Makes an organization that a person owns; call it in a transaction. Answers false, and makes nothing, when the person owns `most` organizations beside the
 * personal one already. The lock on the person keeps two at once from passing together.
 */
export async function createWithOwner(
  tx: Db,
  { organizationId, name, userId, most }: { organizationId: string; name: string; userId: string; most: number },
): Promise<boolean> {
  await tx.execute(sql`select id from users where id = ${userId} for no key update`)
  const creation = sql`
    with owned as (
      select count(*) as number from memberships m join organizations o on o.id = m.organization_id
      where m.user_id = ${userId} and m.role = 'owner' and not o.personal and o.deleted_at is null
    ), made as (
      insert into organizations (id, name) select ${organizationId}, ${name} from owned where number < ${most} returning id
    )
    insert into memberships (organization_id, user_id, role) select id, ${userId}, 'owner' from made
    returning user_id`
  return (await readRows(tx, creation, z.unknown())).length === 1
}
