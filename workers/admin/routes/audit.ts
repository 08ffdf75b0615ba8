import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { readWrittenEntries } from '#db/queries/audit/read-written-entries.ts'
import {
  AuditChain,
  AuditExportQuery,
  AuditPage,
  AuditQuery,
  AuditVerification,
  AuditVerificationQuery,
  WrittenPage,
} from '#shared/contracts/api/audit.ts'
import { pathId, query } from '#workers/edge/parse.ts'
import { listChanges } from '#workers/services/audit/list.ts'
import { expectedHeadOf, verifyChain } from '#workers/services/audit/verify-chain.ts'
import type { AdminContext } from '../env.ts'
import { auditEntriesPerPage } from '../limits.ts'

/** What was changed of an organization, a user or the platform. A chain that nothing was written into is empty. */
export const auditRoutes = new Hono<AdminContext>()
  .get('/:chain', query(AuditQuery), async (c) =>
    c.json(AuditPage.parse(await listChanges(c.var.surroundings.db, chainOf(c), c.var.query))),
  )
  .get('/:chain/verification', query(AuditVerificationQuery), async (c) => {
    const { cursor, ...head } = c.var.query
    const asked = { cursor, expectedHead: expectedHeadOf(head) }
    return c.json(AuditVerification.parse(await verifyChain(c.var.surroundings.db, chainOf(c), asked)))
  })
  .get('/:chain/entries', query(AuditExportQuery), async (c) => {
    const page = { after: String(c.var.query.after), limit: auditEntriesPerPage }
    const entries = await readWrittenEntries(c.var.surroundings.db, chainOf(c), page)
    const next = entries.length === auditEntriesPerPage ? z.coerce.number().parse(entries.at(-1)?.seq) : null
    return c.json(WrittenPage.parse({ entries, next }))
  })

function chainOf(c: Context): string {
  return pathId(c, 'chain', AuditChain)
}
