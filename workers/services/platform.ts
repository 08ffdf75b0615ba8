import type { Db, Transact } from '#db/client.ts'
import type { LedgerNamespace } from './ledger/namespace.ts'

/** Who asks for a change, as the audit log tells it. */
export interface Actor {
  type: 'user' | 'management_key' | 'operator' | 'system'
  /** Id of the user or management key; the name that Access vouched for; the job. */
  id: string
  /** Address that the request came from; null when no request did. */
  ip: string | null
  requestId: string | null
}

/** What every verb works on. */
export interface Platform {
  db: Db
  transact: Transact
  ledger: LedgerNamespace
  actor: Actor
}
