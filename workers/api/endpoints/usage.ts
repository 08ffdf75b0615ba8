import { usageOperations } from '#shared/contracts/api/usage.ts'
import { endpoint } from '../endpoint.ts'
import { exportUsage } from '../usage/export-usage.ts'
import { reportUsage } from '../usage/report-usage.ts'

export const usageEndpoints = [
  endpoint(usageOperations.read, ({ surroundings, scope, query }) => reportUsage(surroundings.db, scope, query, Date.now())),
  endpoint(usageOperations.export, ({ surroundings, scope, query }) => exportUsage(surroundings.db, scope, query, Date.now())),
]
