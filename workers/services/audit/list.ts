import type { Db } from '#db/client.ts'
import { type AuditRow, listAuditEntries } from '#db/queries/audit/list-entries.ts'
import type { AuditEntry, AuditPage, AuditQuery } from '#shared/contracts/api/audit.ts'
import { cursorOf, placeOf } from './seq-cursor.ts'

/** A page of what was changed, the newest first. Throws a 400 for a cursor of another chain. */
export async function listChanges(db: Db, chain: string, query: AuditQuery): Promise<AuditPage> {
  const { cursor, limit, actor, action, target, from, to } = query
  const rows = await listAuditEntries(db, chain, {
    actorId: actor,
    action,
    targetId: target,
    fromMs: from === undefined ? undefined : Date.parse(from),
    toMs: to === undefined ? undefined : Date.parse(to),
    beforeSeq: cursor === undefined ? undefined : placeOf(chain, cursor).seq,
    limit: limit + 1,
  })
  const data = rows.slice(0, limit).map(entryOf)
  const last = data.at(-1)
  return { data, next: last && rows.length > limit ? cursorOf(chain, last.seq) : null }
}

/** What `recordChange` wrote as objects is read as such. */
function entryOf({ actorType, actorId, targetType, targetId, at, ...row }: AuditRow): AuditEntry {
  const { before, after } = row as Pick<AuditEntry, 'before' | 'after'>
  const of = { actor: { type: actorType, id: actorId }, target: { type: targetType, id: targetId } }
  return { ...row, ...of, before, after, at: at.toISOString() }
}
