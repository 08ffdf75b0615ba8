import type { Db } from '#db/client.ts'
import type { LedgerNamespace } from './ledger/namespace.ts'

/** What every verb works on. `actor` is who asked for it: it goes into the log, and with money into the ledger entry's reason. */
export interface Platform {
  db: Db
  ledger: LedgerNamespace
  actor: string
}
