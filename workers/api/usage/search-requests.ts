import type { Db } from '#db/client.ts'
import { type LogSearch, listRequests, type StatusRange } from '#db/queries/usage/list-requests.ts'
import { beginningOf, endOf } from '#shared/contracts/api/period.ts'
import type { RequestFilter, RequestLine, RequestListQuery } from '#shared/contracts/api/requests.ts'
import type { Scope } from '../caller/caller.ts'
import { maxLinesRead } from '../limits.ts'
import { readLogCursor, writeLogCursor } from './cursor.ts'
import { keysInSight } from './keys-in-sight.ts'
import { lineOf } from './request-line.ts'

/** A page of the request log, as far as the caller may see it. */
export async function searchRequests(
  db: Db,
  scope: Scope,
  { cursor, limit, ...filter }: RequestListQuery,
): Promise<{ data: RequestLine[]; next: string | null }> {
  const after = readLogCursor(scope.organizationId, cursor)
  const search = await logSearch(db, scope, filter)
  const { lines, next } = await listRequests(db, { ...search, after, limit, mostRead: maxLinesRead })
  return { data: lines.map((line) => lineOf(line, scope.grant)), next: next && writeLogCursor(scope.organizationId, next) }
}

export type PreparedSearch = Omit<LogSearch, 'after' | 'limit' | 'mostRead'>

/** What the log is searched for. Throws 403 for what is not for the caller. */
export async function logSearch(db: Db, scope: Scope, filter: RequestFilter): Promise<PreparedSearch> {
  const { from, to, model, status, outcome, estimated } = filter
  return {
    organizationId: scope.organizationId,
    fromMs: from === undefined ? null : beginningOf(from),
    toMs: to === undefined ? null : endOf(to),
    keyIds: await keysInSight(db, scope, filter),
    model,
    status: status === undefined ? undefined : statusRange(status),
    outcome,
    estimated: estimated === undefined ? undefined : estimated === 'true',
  }
}

function statusRange(status: string): StatusRange {
  if (status === 'none') return null
  const least = Number(status.replace('xx', '00'))
  return { least, most: status.endsWith('xx') ? least + 99 : least }
}
