import type { CustomerLedgerRpc } from '#shared/contracts/ledger.ts'

/** What services need of the ledger's objects: one method more than a test has to imitate would be one too many. */
export type LedgerObject = {
  [Method in 'refresh' | 'standing']: (
    ...given: Parameters<CustomerLedgerRpc[Method]>
  ) => Promise<Awaited<ReturnType<CustomerLedgerRpc[Method]>>>
}

/** The binding `LEDGER`: one object per customer, named by the organization's id. */
export interface LedgerNamespace {
  getByName(organizationId: string): LedgerObject
}
