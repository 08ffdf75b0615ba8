import type { Stage } from './stage.ts'

/** What the audit log tells of an organization or user, the oldest first. */
export async function auditOf({ database: { pool } }: Stage, chain: string): Promise<unknown[]> {
  const { rows } = await pool.query(
    `select actor_id as actor, action, target_id as target, before, after from audit_log where chain = $1 order by seq`,
    [chain],
  )
  return rows
}
