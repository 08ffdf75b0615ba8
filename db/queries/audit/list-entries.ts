import { and, desc, eq, gte, lt } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { auditLog } from '../../schema/index.ts'

export interface AuditSearch {
  actorId?: string | undefined
  action?: string | undefined
  targetId?: string | undefined
  fromMs?: number | undefined
  toMs?: number | undefined
  beforeSeq?: number | undefined
  limit: number
}

export type AuditRow = typeof auditLog.$inferSelect

/** Entries of a chain that are all that is asked for, the newest first. */
export function listAuditEntries(db: Db, chain: string, search: AuditSearch): Promise<AuditRow[]> {
  const { actorId, action, targetId, fromMs, toMs, beforeSeq, limit } = search
  const wanted = [
    eq(auditLog.chain, chain),
    actorId === undefined ? undefined : eq(auditLog.actorId, actorId),
    action === undefined ? undefined : eq(auditLog.action, action),
    targetId === undefined ? undefined : eq(auditLog.targetId, targetId),
    fromMs === undefined ? undefined : gte(auditLog.at, new Date(fromMs)),
    toMs === undefined ? undefined : lt(auditLog.at, new Date(toMs)),
    beforeSeq === undefined ? undefined : lt(auditLog.seq, beforeSeq),
  ]
  return db
    .select()
    .from(auditLog)
    .where(and(...wanted))
    .orderBy(desc(auditLog.seq))
    .limit(limit)
}
