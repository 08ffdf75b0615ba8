import type { Db } from '#db/client.ts'
import { type LogPage, type LogPosition, listRequests } from '#db/queries/usage/list-requests.ts'
import { maxExportedLines, type RequestFilter, type RequestLine } from '#shared/contracts/api/requests.ts'
import { formatUsd } from '#shared/values/money.ts'
import type { Scope } from '../caller/caller.ts'
import { exportedLinesAtOnce, maxLinesReadToExport } from '../limits.ts'
import { type Cell, csvAnswer } from './csv.ts'
import { lineOf } from './request-line.ts'
import { logSearch, type PreparedSearch } from './search-requests.ts'

/** The request log as CSV, newest first, as far as the caller may see it; of more than `maxExportedLines` only the newest. */
export async function exportRequests(db: Db, scope: Scope, filter: RequestFilter): Promise<Response> {
  const columns = scope.grant === 'redacted' ? openColumns : [...openColumns, ...ownColumns]
  const pages = pagesOf(db, await logSearch(db, scope, filter), (line) => columns.map(([, cell]) => cell(line)), scope.grant)
  return csvAnswer(
    'requests.csv',
    columns.map(([head]) => head),
    pages,
  )
}

async function* pagesOf(
  db: Db,
  search: PreparedSearch,
  rowOf: (line: RequestLine) => Cell[],
  grant: Scope['grant'],
): AsyncGenerator<Cell[][]> {
  let after: LogPosition | null = null
  let left = maxExportedLines
  do {
    const limit = Math.min(exportedLinesAtOnce, left)
    const page: LogPage = await listRequests(db, {
      ...search,
      after,
      limit,
      mostRead: maxLinesReadToExport,
    })
    yield page.lines.map((line) => rowOf(lineOf(line, grant)))
    left -= page.lines.length
    after = page.next
  } while (after && left > 0)
}

type Column = [head: string, cell: (line: RequestLine) => Cell]

const openColumns: Column[] = [
  ['createdAt', (line) => line.createdAt],
  ['requestId', (line) => line.requestId],
  ['model', (line) => line.model],
  ['method', (line) => line.method],
  ['path', (line) => line.path],
  ['status', (line) => line.status],
  ['outcome', (line) => line.outcome],
  ['provider', (line) => line.provider],
  ['byok', (line) => line.byok],
  ['inputTokens', (line) => line.inputTokens],
  ['outputTokens', (line) => line.outputTokens],
  ['costNanos', (line) => line.costNanos],
  ['costUsd', (line) => formatUsd(line.costNanos)],
  ['estimated', (line) => line.estimated],
  ['latencyMs', (line) => line.latencyMs],
  ['timeToFirstTokenMs', (line) => line.timeToFirstTokenMs],
  ['attemptCount', (line) => line.attemptCount],
]

const ownColumns: Column[] = [
  ['keyId', (line) => line.keyId ?? null],
  ['credentialId', (line) => line.credentialId ?? null],
  ['clientIp', (line) => line.clientIp ?? null],
  ['userAgent', (line) => line.userAgent ?? null],
]
