import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Finding } from '#shared/contracts/reconciliation.ts'
import type { Db } from '../client.ts'
import { readRows, SafeBigint } from '../statements.ts'

const Run = z.object({
  reconciliationId: SafeBigint,
  startedMs: z.coerce.number(),
  finishedMs: z.coerce.number().nullable(),
  customers: z.coerce.number(),
  findingCount: z.coerce.number(),
  resumesAfter: z.string().nullable(),
  findings: z.array(Finding),
})
export type ReconciliationRow = z.infer<typeof Run>

/** The latest runs, newest first, each with at most so many of its findings. */
export function listReconciliations(db: Db, page: { runs: number; findingsEach: number }): Promise<ReconciliationRow[]> {
  const statement = sql`
    select r.id as "reconciliationId", floor(extract(epoch from r.started_at) * 1000)::text as "startedMs",
      floor(extract(epoch from r.finished_at) * 1000)::text as "finishedMs", r.customers, r.findings as "findingCount",
      r.resumes_after as "resumesAfter",
      coalesce((
        select json_agg(json_build_object(
          'organizationId', f.organization_id, 'kind', f.kind, 'subject', f.subject, 'expected', f.expected, 'found', f.found
        ) order by f.id)
        from (select * from reconciliation_findings where reconciliation_id = r.id order by id limit ${page.findingsEach}) f
      ), '[]') as findings
    from reconciliations r order by r.id desc limit ${page.runs}`
  return readRows(db, statement, Run)
}
