import { createHash } from 'node:crypto'
import { type MonthFrame, readMonthFrame } from '#db/queries/statements/read-month.ts'
import { type StatementLine, type StatementSeal, statementType } from '#shared/contracts/statement.ts'
import { assert } from '#shared/values/assert.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Surroundings } from '../env.ts'
import { receiptSigner, type Signer } from '../signing/receipt-keys.ts'
import { streamedAnswer } from '../streamed-answer.ts'
import { isFinished, periodOf } from './months.ts'
import { statementPages } from './statement-pages.ts'

export interface StatementFrame extends MonthFrame {
  organizationId: string
  /** Such as `2026-01`. */
  month: string
  generatedAtMs: number
}

/**
 * A month's statement, page by page as the client takes it, of what is booked now. Throws 404 for a month in which nothing was, and a `KekFailure` when it
 * could not be signed.
 */
export async function statementAnswer(surroundings: Surroundings, organizationId: string, month: string): Promise<Response> {
  const generatedAtMs = Date.now()
  const frame = await readMonthFrame(surroundings.db, organizationId, periodOf(month))
  if (!frame) throw new Problem('not_found', 'Nothing was booked in this month.')
  const sign = await receiptSigner(surroundings)
  return streamedAnswer(sealed(surroundings, { ...frame, organizationId, month, generatedAtMs }, sign), {
    'content-type': 'application/x-ndjson; charset=utf-8',
    'content-disposition': `attachment; filename="${organizationId}-${month}.ndjson"`,
  })
}

/** The lines, and as the last one what signs them. */
async function* sealed(surroundings: Surroundings, frame: StatementFrame, sign: Signer): AsyncGenerator<Uint8Array> {
  const utf8 = new TextEncoder()
  const hash = createHash('sha256')
  const sums = { lines: 0, creditsNanos: 0, debitsNanos: 0 }
  for await (const lines of statementPages(surroundings, frame)) {
    addTo(sums, lines)
    const bytes = utf8.encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    hash.update(bytes)
    yield bytes
  }
  const { month, organizationId, openingNanos, generatedAtMs } = frame
  const seal: StatementSeal = {
    iss: surroundings.portalUrl,
    sub: organizationId,
    iat: Math.floor(generatedAtMs / 1_000),
    version: 1,
    month,
    finished: isFinished(month, generatedAtMs),
    sha256: hash.digest('hex'),
    openingNanos,
    ...sums,
    closingNanos: openingNanos + sums.creditsNanos + sums.debitsNanos,
  }
  yield utf8.encode(`${await sign(statementType, seal)}\n`)
}

function addTo(sums: { lines: number; creditsNanos: number; debitsNanos: number }, lines: StatementLine[]): void {
  sums.lines += lines.length
  for (const line of lines) {
    if (line.type !== 'entry') continue
    sums[line.amountNanos < 0 ? 'debitsNanos' : 'creditsNanos'] += line.amountNanos
  }
  assert(Number.isSafeInteger(sums.creditsNanos) && Number.isSafeInteger(sums.debitsNanos), 'the sums of a month fit a safe integer')
}
