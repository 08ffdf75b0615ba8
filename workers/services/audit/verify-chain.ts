import type { Db } from '#db/client.ts'
import { readWrittenEntries } from '#db/queries/audit/read-written-entries.ts'
import type { AuditHead, AuditVerification, AuditVerificationQuery } from '#shared/contracts/api/audit.ts'
import { ChainCheck } from './chain-check.ts'
import { cursorOf, placeOf } from './seq-cursor.ts'

/** Entries read at a time: what one request may change fits in a few kilobytes, and so a page in a few megabytes. */
const entriesPerPage = 200

/** Pages of one call: 20,000 entries are hashed within seconds, by far fewer questions to Postgres than a Worker may ask. */
const pagesPerCall = 100

export interface VerificationAsked {
  /** From the verification before, which was not finished. */
  cursor?: string | undefined
  /** An entry that was noted earlier; without one nobody can tell that the end was cut off. */
  expectedHead?: AuditHead | undefined
  pages?: number
}

/**
 * Recomputes the hash of every entry of a chain, and tells the first that is not as it was written. A long chain is left unfinished after so many pages:
 * `next` goes on with it. Throws a 400 for a cursor of something else.
 */
export async function verifyChain(db: Db, chain: string, asked: VerificationAsked = {}): Promise<AuditVerification> {
  const { cursor, expectedHead, pages = pagesPerCall } = asked
  const begin = cursor === undefined ? undefined : placeOf(chain, cursor)
  const check = new ChainCheck(expectedHead ?? null, begin)
  let entries = 0
  let after = begin ? String(begin.seq) : null
  for (let page = 0; page < pages; page++) {
    const written = await readWrittenEntries(db, chain, { after, limit: entriesPerPage })
    for (const entry of written) {
      const broken = await check.next(entry)
      if (broken) return { outcome: 'broken', entries, head: check.head, broken, next: null }
      entries++
    }
    if (written.length < entriesPerPage) {
      const broken = check.end()
      return { outcome: broken ? 'broken' : 'whole', entries, head: check.head, broken, next: null }
    }
    after = written.at(-1)?.seq ?? null
  }
  const { head } = check
  return { outcome: 'unfinished', entries, head, broken: null, next: head && cursorOf(chain, head.seq, head.hash) }
}

/** The head that a query names by its two halves. */
export function expectedHeadOf({ headSeq, headHash }: AuditVerificationQuery): AuditHead | undefined {
  return headSeq !== undefined && headHash !== undefined ? { seq: headSeq, hash: headHash } : undefined
}
