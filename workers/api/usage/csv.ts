import Papa from 'papaparse'
import { streamedAnswer } from '../streamed-answer.ts'

/** A number stays one; a text is guarded. Null is an empty cell. */
export type Cell = string | number | boolean | null

/** How a text begins that a spreadsheet takes for a formula (OWASP, CSV Injection), in half or full width. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/

/** A CSV (RFC 4180, UTF-8) that is written page by page as the client takes it. */
export function csvAnswer(fileName: string, heads: string[], pages: AsyncGenerator<Cell[][]>): Promise<Response> {
  const headers = { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="${fileName}"` }
  return streamedAnswer(chunksOf(heads, pages), headers)
}

async function* chunksOf(heads: string[], pages: AsyncGenerator<Cell[][]>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  let before: Cell[][] = [heads]
  for await (const rows of pages) {
    const lines = [...before, ...rows]
    before = []
    if (lines.length > 0) yield encoder.encode(csvOf(lines))
  }
  if (before.length > 0) yield encoder.encode(csvOf(before))
}

/** Lines of a CSV, each with its end. */
export function csvOf(rows: Cell[][]): string {
  return `${Papa.unparse(rows, { escapeFormulae: formula, newline: '\r\n' })}\r\n`
}
