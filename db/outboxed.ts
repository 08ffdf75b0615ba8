import type { Db } from './client.ts'
import type { DueMail } from './queries/mail/mail-outbox.ts'

/** What a transaction has put into the outboxes, for whoever hands it over after the commit. */
export interface Outboxed {
  /** Whom `customer_events` tell something new. */
  organizationIds: Set<string>
  /** Of `mail_outbox`. */
  mails: DueMail[]
}

const known = new WeakMap<Db, Outboxed>()

/** The outboxes of a transaction: queries that write into one note it here, so that no caller has to know which they are. */
export function outboxed(tx: Db): Outboxed {
  const found = known.get(tx) ?? { organizationIds: new Set(), mails: [] }
  known.set(tx, found)
  return found
}
