import type { Db } from '#db/client.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import type { LedgerAudit } from '#shared/contracts/ledger.ts'
import type { LedgerNamespace } from '../env.ts'

/** The far side: objects that agree with Postgres until told otherwise, and remember who was asked. */
export class ScriptedAudits implements LedgerNamespace<'audit'> {
  readonly asked: string[] = []
  /** What an object says on top of the truth; a function is called each time. */
  readonly says = new Map<string, () => Partial<LedgerAudit> | Promise<Partial<LedgerAudit>>>()
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  getByName(organizationId: string) {
    return {
      audit: async (): Promise<LedgerAudit> => {
        this.asked.push(organizationId)
        const row = await readOrganization(this.#db, organizationId)
        const balance = row ? { balanceNanos: row.balanceNanos, version: row.balanceVersion } : null
        return { balance, heldNanos: 0, holds: [], unconfirmedNanos: 0, unconfirmed: [], ...(await this.says.get(organizationId)?.()) }
      },
    }
  }
}
