import { Hono } from 'hono'
import { reconcile } from '#db/queries/reconcile.ts'
import { NewReconciliation, Reconciliation } from '#shared/contracts/reconciliation.ts'
import { body } from '#workers/edge/parse.ts'
import type { AdminContext } from '../env.ts'
import { maxBodyBytes } from '../limits.ts'

export const reconciliationRoutes = new Hono<AdminContext>().post('/', body(NewReconciliation, maxBodyBytes), async (c) =>
  c.json(Reconciliation.parse({ differences: await reconcile(c.var.surroundings.db, c.var.body.organizationId) })),
)
