import type { AuditBreak, AuditHead, WrittenEntry } from '#shared/contracts/api/audit.ts'
import { sha256Hex } from '#shared/values/sha256.ts'

/** What the first entry of a chain says came before it. */
const beginning: AuditHead = { seq: 0, hash: '0'.repeat(64) }

/** Checks a chain entry by entry, in the order of their numbers; keeps nothing but the last one. */
export class ChainCheck {
  #last: AuditHead
  readonly #noted: AuditHead | null

  /** Begins behind an entry that was found whole, or with the first; `noted` is an entry that has to be in the chain, just so. */
  constructor(noted: AuditHead | null = null, last: AuditHead = beginning) {
    this.#noted = noted
    this.#last = last
  }

  /** The last entry that was found whole; null before the first. */
  get head(): AuditHead | null {
    return this.#last.seq === 0 ? null : this.#last
  }

  /** Null when this entry is what was written behind the last one. */
  async next(entry: WrittenEntry): Promise<AuditBreak | null> {
    const seq = this.#last.seq + 1
    if (entry.seq !== String(seq)) return { seq, reason: 'missing' }
    if (entry.hash !== (await hashOfEntry(entry))) return { seq, reason: 'altered' }
    if (entry.previousHash !== this.#last.hash) return { seq, reason: 'unlinked' }
    if (seq === this.#noted?.seq && entry.hash !== this.#noted.hash) return { seq, reason: 'replaced' }
    this.#last = { seq, hash: entry.hash }
    return null
  }

  /** Call it when there are no more entries: whether they reach the one that was noted. */
  end(): AuditBreak | null {
    return this.#noted && this.#noted.seq > this.#last.seq ? { seq: this.#last.seq + 1, reason: 'cut_off' } : null
  }
}

/** As the trigger of `audit_log` makes it: the length before each field makes the same text of no two entries. */
export function hashOfEntry(entry: WrittenEntry): Promise<string> {
  const { previousHash, chain, seq, atMicros, actorType, actorId, ip, requestId, action, targetType, targetId, before, after } = entry
  const fields = [previousHash, chain, seq, atMicros, actorType, actorId, ip, requestId, action, targetType, targetId, before, after]
  return sha256Hex(utf8.encode(fields.map((field) => (field === null ? '-' : `${utf8.encode(field).length}:${field}`)).join(',')))
}

const utf8 = new TextEncoder()
