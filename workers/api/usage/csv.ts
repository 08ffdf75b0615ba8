import Papa from 'papaparse'

/** A number stays one; a text is guarded. Null is an empty cell. */
export type Cell = string | number | boolean | null

/** How a text begins that a spreadsheet takes for a formula (OWASP, CSV Injection), in half or full width. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/

/**
 * A CSV (RFC 4180, UTF-8) that is written page by page as the client takes it, so that never more than two pages are in memory. The first page is read
 * before the answer begins, and what is wrong with it is an ordinary error; what fails later breaks the transfer off.
 */
export async function csvAnswer(fileName: string, heads: string[], pages: AsyncGenerator<Cell[][]>): Promise<Response> {
  const chunks = chunksOf(heads, pages)
  const first = await chunks.next()
  let isFirst = true
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = isFirst ? first : await chunks.next()
      isFirst = false
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel() {
      await chunks.return(undefined)
    },
  })
  const headers = { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="${fileName}"` }
  return new Response(body, { headers })
}

async function* chunksOf(heads: string[], pages: AsyncGenerator<Cell[][]>): AsyncGenerator<Uint8Array, undefined> {
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
