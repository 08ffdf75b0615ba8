import { Hono } from 'hono'
import { listReconciliations, type ReconciliationRow } from '#db/queries/list-reconciliations.ts'
import { reconcile } from '#db/queries/reconcile.ts'
import { NewReconciliation, Reconciliation, type ReconciliationRun, ReconciliationRunList } from '#shared/contracts/reconciliation.ts'
import { body } from '#workers/edge/parse.ts'
import type { AdminContext } from '../env.ts'
import { findingsPerRun, maxBodyBytes, reconciliationRuns } from '../limits.ts'

export const reconciliationRoutes = new Hono<AdminContext>()
  .get('/', async (c) => {
    const rows = await listReconciliations(c.var.surroundings.db, { runs: reconciliationRuns, findingsEach: findingsPerRun })
    return c.json(ReconciliationRunList.parse({ runs: rows.map(runOf) }))
  })
  .post('/', body(NewReconciliation, maxBodyBytes), async (c) =>
    c.json(Reconciliation.parse({ differences: await reconcile(c.var.surroundings.db, c.var.body.organizationId) })),
  )

function runOf({ startedMs, finishedMs, ...run }: ReconciliationRow): ReconciliationRun {
  const finishedAt = finishedMs === null ? null : new Date(finishedMs).toISOString()
  return { ...run, startedAt: new Date(startedMs).toISOString(), finishedAt }
}
