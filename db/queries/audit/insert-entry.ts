import { sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'

export interface AuditEntryToAdd {
  chain: string
  actor: { type: 'user' | 'management_key' | 'operator' | 'system'; id: string; ip: string | null; requestId: string | null }
  action: string
  target: { type: string; id: string }
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
}

/** Adds an entry to its chain; a trigger numbers it, dates it and binds it to the one before. */
export async function insertAuditEntry(tx: Db, { chain, actor, action, target, before, after }: AuditEntryToAdd): Promise<void> {
  await tx.execute(sql`
    insert into audit_log (chain, seq, actor_type, actor_id, ip, request_id, action, target_type, target_id, before, after, previous_hash, hash)
    values (${chain}, 0, ${actor.type}, ${actor.id}, ${actor.ip}, ${actor.requestId}, ${action}, ${target.type}, ${target.id},
      ${jsonOf(before)}::jsonb, ${jsonOf(after)}::jsonb, '', '')`)
}

function jsonOf(value: Record<string, unknown> | null): string | null {
  return value === null ? null : JSON.stringify(value)
}
