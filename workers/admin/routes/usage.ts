import { Hono } from 'hono'
import { readOrganization } from '#db/queries/read-organization.ts'
import { readUsageDaily } from '#db/queries/read-usage-daily.ts'
import { UsagePeriod, UsageReport } from '#shared/contracts/usage-report.ts'
import { query } from '#workers/edge/parse.ts'
import type { AdminContext } from '../env.ts'
import { found, organizationIdOf } from '../platform.ts'
import { resolvePeriod } from '../usage-period.ts'

export const usageRoutes = new Hono<AdminContext>().get('/', query(UsagePeriod), async (c) => {
  const { db } = c.var.surroundings
  const { from, to } = resolvePeriod(c.var.query, Date.now())
  const { id: organizationId } = found(await readOrganization(db, organizationIdOf(c)), 'customer')
  const rows = await readUsageDaily(db, { organizationId, fromDay: from, toDay: to })
  return c.json(UsageReport.parse({ organizationId, from, to, rows }))
})
