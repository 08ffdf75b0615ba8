import { type BilledRecord, readBilledRequests } from '#db/queries/statements/read-billed-requests.ts'
import { type MonthEntry, readMonthEntries } from '#db/queries/statements/read-month.ts'
import { readPriceVersions } from '#db/queries/statements/read-price-versions.ts'
import type { StatementEntry, StatementLine } from '#shared/contracts/statement.ts'
import { EntryCause, StatementPrice } from '#shared/contracts/statement.ts'
import { ownKeyPrice } from '#shared/pricing/own-key-price.ts'
import type { Surroundings } from '../env.ts'
import { statementEntriesAtOnce } from '../limits.ts'
import { isFinished, periodOf } from './months.ts'
import type { StatementFrame } from './write-statement.ts'

type Reading = Pick<Surroundings, 'db' | 'portalUrl'>

/** The lines of a statement but the last: a page of entries at a time, each with the prices that it is the first to name; the head is in the first page. */
export async function* statementPages({ db, portalUrl }: Reading, frame: StatementFrame): AsyncGenerator<StatementLine[]> {
  const { organizationId, throughId } = frame
  const period = periodOf(frame.month)
  const toldPrices = new Set<string>()
  let before: StatementLine[] = [headOf(portalUrl, frame)]
  let afterId: number | undefined = frame.afterId
  while (afterId !== undefined) {
    const entries: MonthEntry[] = await readMonthEntries(db, organizationId, {
      ...period,
      afterId,
      throughId,
      limit: statementEntriesAtOnce,
    })
    const records = await recordsOf({ db }, organizationId, entries)
    const lines = entries.map((entry) => lineOf(entry, records))
    yield [...before, ...(await newPrices({ db }, lines, toldPrices)), ...lines]
    before = []
    afterId = entries.length === statementEntriesAtOnce ? entries.at(-1)?.entryId : undefined
  }
}

function headOf(portalUrl: string, { organizationId, month, generatedAtMs, openingNanos }: StatementFrame): StatementLine {
  const { fromMs, toMs } = periodOf(month)
  return {
    type: 'statement',
    version: 1,
    organizationId,
    month,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    finished: isFinished(month, generatedAtMs),
    generatedAt: new Date(generatedAtMs).toISOString(),
    currency: 'USD',
    openingNanos,
    jwks: `${portalUrl}/api/jwks.json`,
    algorithm: 'EdDSA',
  }
}

async function recordsOf({ db }: Pick<Reading, 'db'>, organizationId: string, entries: MonthEntry[]): Promise<Map<string, BilledRecord>> {
  const requestIds = [...new Set(entries.flatMap(({ eventId }) => requestIdOf(eventId) ?? []))]
  if (requestIds.length === 0) return new Map()
  const bookedBeforeMs = Math.max(...entries.map(({ atMs }) => atMs))
  const records = await readBilledRequests(db, organizationId, { requestIds, bookedBeforeMs })
  return new Map(records.map((record) => [record.requestId, record]))
}

/** Prices that these lines are the first to name. What is in no table cannot be told, and `verify-statement.mjs` says so. */
async function newPrices({ db }: Pick<Reading, 'db'>, lines: StatementEntry[], told: Set<string>): Promise<StatementLine[]> {
  const ids = new Set(lines.flatMap(({ request }) => request?.priceVersionId ?? []))
  const unknown = [...ids].filter((id) => !told.has(id))
  for (const id of unknown) told.add(id)
  const prices = unknown.length === 0 ? [] : await readPriceVersions(db, unknown)
  if (unknown.includes(ownKeyPrice.priceVersionId)) prices.push(ownKeyPrice)
  return prices.map(({ priceVersionId, ...price }) => StatementPrice.parse({ type: 'price', priceVersionId, price }))
}

function lineOf({ entryId, kind, amountNanos, eventId, atMs }: MonthEntry, records: Map<string, BilledRecord>): StatementEntry {
  const requestId = requestIdOf(eventId)
  const moved = { type: 'entry', entryId, at: new Date(atMs).toISOString(), kind, amountNanos } as const
  if (requestId === null) return { ...moved, ...causeOf(eventId) }
  const record = records.get(requestId)
  const of = { ...moved, cause: 'request', reference: requestId } as const
  // Cannot be, but a file that shows what is wrong with the books is worth more than none: `verify-statement.mjs` names the line.
  if (!record) return of
  if (kind === 'settlement' && record.adjusted) return { ...of, adjusted: true }
  const { requestId: _, adjusted: _isAdjusted, settledNanos, ...request } = record
  return { ...of, request, ...(kind === 'adjustment' && { settledNanos }) }
}

function requestIdOf(eventId: string): string | null {
  return /^(req_[0-9a-z]+):(?:settlement|adjustment)$/.exec(eventId)?.[1] ?? null
}

/** What an operator calls a credit is between the operators. */
function causeOf(eventId: string): Pick<StatementEntry, 'cause' | 'reference'> {
  const colon = eventId.indexOf(':')
  const cause = EntryCause.exclude(['request', 'operator']).safeParse(eventId.slice(0, colon))
  return cause.success ? { cause: cause.data, reference: eventId.slice(colon + 1) } : { cause: 'operator', reference: null }
}
