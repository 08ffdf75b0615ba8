import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Finding } from '#shared/contracts/reconciliation.ts'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

export interface ReconciliationPage {
  reconciliationId: number
  customers: number
  findings: Finding[]
  /** The last customer seen; null when there are no more. */
  resumesAfter: string | null
  /** Whether the run ends with this page. */
  isLast: boolean
}

/** Adds a page to its run in one statement: its findings, its counts, and where to go on. */
export async function saveReconciliationPage(db: Db, page: ReconciliationPage): Promise<void> {
  const statement = sql`
    with found as (
      insert into reconciliation_findings (reconciliation_id, organization_id, kind, subject, expected, found)
      select ${page.reconciliationId}, f."organizationId", f.kind, f.subject, f.expected, f.found
      from json_to_recordset(${JSON.stringify(page.findings)}::json)
        as f("organizationId" text, kind text, subject text, expected text, found text)
    )
    update reconciliations
    set customers = customers + ${page.customers}, findings = findings + ${page.findings.length}, resumes_after = ${page.resumesAfter},
      finished_at = case when ${page.isLast} then now() end
    where id = ${page.reconciliationId}`
  await readRows(db, statement, z.unknown())
}
