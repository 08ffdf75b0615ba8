import type { Db } from '#db/client.ts'
import { nodeTransact } from '#db/node-client.ts'
import type { LedgerNamespace } from '../ledger/namespace.ts'
import type { Platform } from '../platform.ts'

/** No ledger object: for what must not need one, such as making a customer. */
const nowhere: LedgerNamespace = {
  getByName: () => {
    throw new Error('there is no ledger object here')
  },
}

/** What verbs work on, over a database that Node reaches. */
export function nodePlatform(db: Db, ledger: LedgerNamespace = nowhere): Platform {
  return { db, transact: nodeTransact(db), ledger, actor: { type: 'operator', id: 'test', ip: null, requestId: null } }
}
