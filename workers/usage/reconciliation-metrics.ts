import { type Finding, FindingKind } from '#shared/contracts/reconciliation.ts'
import type { Metrics } from './env.ts'
import { findingPointsMost } from './limits.ts'
import type { ReconciliationSummary } from './reconcile.ts'

/**
 * Writes the data points of one run. The run's: index and blob1 `run`, blob2 `whole` or `part`, double1 customers, double2 objects asked,
 * double3 findings, double4 duration in ms, and from double5 on the findings of each kind in the order of FindingKind. A finding's: index the
 * organization, blob1 `finding`, blob2 kind, blob3 subject, blob4 expected, blob5 found.
 */
export function writePoints(metrics: Metrics | null, summary: ReconciliationSummary, findings: Finding[]): void {
  if (!metrics) return
  const { customers, audited, byKind, durationMs, resumesAfter } = summary
  const kinds = FindingKind.options.map((kind) => byKind[kind] ?? 0)
  metrics.writeDataPoint({
    indexes: ['run'],
    blobs: ['run', resumesAfter === null ? 'whole' : 'part'],
    doubles: [customers, audited, summary.findings, durationMs, ...kinds],
  })
  for (const { organizationId, kind, subject, expected, found } of findings.slice(0, findingPointsMost)) {
    metrics.writeDataPoint({ indexes: [organizationId], blobs: ['finding', kind, subject ?? '', expected, found], doubles: [1] })
  }
}
