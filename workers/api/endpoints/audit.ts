import { auditOperations } from '#shared/contracts/api/audit.ts'
import { exportChain } from '#workers/services/audit/export.ts'
import { listChanges } from '#workers/services/audit/list.ts'
import { expectedHeadOf, verifyChain } from '#workers/services/audit/verify-chain.ts'
import { endpoint } from '../endpoint.ts'

export const auditEndpoints = [
  endpoint(auditOperations.list, async ({ platform, scope, query }) => listChanges(platform.db, scope.organizationId, query)),
  endpoint(auditOperations.export, async ({ platform, scope, query }) => {
    const headers = {
      'content-type': 'application/x-ndjson; charset=utf-8',
      'content-disposition': `attachment; filename="${scope.organizationId}-audit.ndjson"`,
    }
    return new Response(exportChain(platform.db, scope.organizationId, query.after), { headers })
  }),
  endpoint(auditOperations.verify, async ({ platform, scope, query }) =>
    verifyChain(platform.db, scope.organizationId, { cursor: query.cursor, expectedHead: expectedHeadOf(query) }),
  ),
  endpoint(auditOperations.listOwn, async ({ platform, caller, query }) => listChanges(platform.db, caller.userId, query)),
]
