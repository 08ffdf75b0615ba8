import type { Db } from '#db/client.ts'
import { readWrittenEntries } from '#db/queries/audit/read-written-entries.ts'

/** Entries read at a time: what one request may change fits in a few kilobytes, and so a page in a few megabytes. */
const entriesPerPage = 200

/** A chain behind the entry `after`, one JSON object a line; the next page is read when the reader has taken the one before. */
export function exportChain(db: Db, chain: string, after: number): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder()
  let last = String(after)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const entries = await readWrittenEntries(db, chain, { after: last, limit: entriesPerPage })
        if (entries.length > 0) controller.enqueue(utf8.encode(entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')))
        last = entries.at(-1)?.seq ?? last
        if (entries.length < entriesPerPage) controller.close()
      },
    },
    { highWaterMark: 1 },
  )
}
