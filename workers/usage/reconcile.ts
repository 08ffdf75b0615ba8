import type { Db } from '#db/client.ts'
import { findDifferingRequests } from '#db/queries/find-differing-requests.ts'
import { openReconciliation } from '#db/queries/open-reconciliation.ts'
import { pickCustomersToAudit } from '#db/queries/pick-customers-to-audit.ts'
import { type CustomerRange, reconcilePage } from '#db/queries/reconcile-page.ts'
import { saveReconciliationPage } from '#db/queries/save-reconciliation-page.ts'
import type { Finding, FindingKind } from '#shared/contracts/reconciliation.ts'
import { auditObjects } from './audit-objects.ts'
import type { AuditPlatform } from './env.ts'
import {
  auditsPerRun,
  auditTurns,
  customersPerPage,
  differingRequestsMost,
  openTooLongMs,
  reconciliationBudgetMs,
  secondLookAfterMs,
} from './limits.ts'
import { writePoints } from './reconciliation-metrics.ts'

/** One line of log: counts and time. */
export interface ReconciliationSummary {
  event: 'reconciled'
  reconciliationId: number
  customers: number
  /** How many objects were asked. */
  audited: number
  findings: number
  byKind: Partial<Record<FindingKind, number>>
  /** Where the next run goes on; null when this one came to the last customer. */
  resumesAfter: string | null
  durationMs: number
}

const defaults = { customersPerPage, budgetMs: reconciliationBudgetMs, auditsPerRun, secondLookAfterMs, openTooLongMs, auditTurns }
export type ReconciliationSettings = typeof defaults

/**
 * Goes through the customers by id and compares their books, and their objects with the books; goes on where the run before stopped. Writes
 * what differs to its own tables, to the metrics and to the log, and nothing anywhere else. Throws when Postgres cannot be asked; what was
 * found by then is stored.
 */
export async function reconcileBooks(
  platform: AuditPlatform,
  changes: Partial<ReconciliationSettings> = {},
): Promise<ReconciliationSummary> {
  const settings = { ...defaults, ...changes }
  const startedMs = Date.now()
  const { reconciliationId, afterId, passes } = await openReconciliation(platform.db)
  const run: Run = { afterId, turn: passes % settings.auditTurns, customers: 0, audited: 0, findings: [] }
  for (let isLast = false; !isLast; ) {
    const page = await seePage(platform, run, settings)
    const isSpent = Date.now() - startedMs >= settings.budgetMs || run.audited >= settings.auditsPerRun
    isLast = page.resumesAfter === null || isSpent
    await saveReconciliationPage(platform.db, { reconciliationId, ...page, isLast })
    run.afterId = page.resumesAfter
  }
  const { customers, audited, findings } = run
  const byKind = countKinds(findings)
  const durationMs = Date.now() - startedMs
  const summary: ReconciliationSummary = {
    event: 'reconciled',
    reconciliationId,
    customers,
    audited,
    findings: findings.length,
    byKind,
    resumesAfter: run.afterId,
    durationMs,
  }
  writePoints(platform.metrics, summary, findings)
  return summary
}

interface Run {
  /** Null when the last customer has been seen. */
  afterId: string | null
  turn: number
  customers: number
  audited: number
  findings: Finding[]
}

async function seePage(platform: AuditPlatform, run: Run, settings: ReconciliationSettings) {
  const { customersPerPage: limit, auditTurns: turns } = settings
  const afterId = run.afterId ?? ''
  const { organizationIds, toAudit } = await pickCustomersToAudit(platform.db, { afterId, limit, turn: run.turn, turns })
  const resumesAfter = organizationIds.length < limit ? null : (organizationIds.at(-1) ?? null)
  const differing = await compareBooks(platform.db, { afterId, untilId: resumesAfter }, settings)
  const existing = new Set(organizationIds)
  const suspects = differing.map(({ organizationId }) => organizationId).filter((id) => existing.has(id))
  const asked = [...new Set([...toAudit, ...suspects])]
  const findings = [...differing, ...(await auditObjects(platform, asked, settings))]
  run.customers += organizationIds.length
  run.audited += asked.length
  run.findings.push(...findings)
  return { customers: organizationIds.length, findings, resumesAfter }
}

async function compareBooks(db: Db, range: CustomerRange, { openTooLongMs: graceMs }: ReconciliationSettings): Promise<Finding[]> {
  const differing = await reconcilePage(db, range)
  const organizationIds = differing.filter(({ kind }) => kind === 'record_differs').map(({ organizationId }) => organizationId)
  const sums = differing.filter(({ kind }) => kind !== 'record_differs')
  if (organizationIds.length === 0) return sums
  const requests = await findDifferingRequests(db, { organizationIds, graceMs, limit: differingRequestsMost })
  return [...sums, ...requests.map((request): Finding => ({ ...request, kind: 'record_differs' }))]
}

function countKinds(findings: Finding[]): ReconciliationSummary['byKind'] {
  const byKind: ReconciliationSummary['byKind'] = {}
  for (const { kind } of findings) byKind[kind] = (byKind[kind] ?? 0) + 1
  return byKind
}
