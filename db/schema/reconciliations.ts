import { bigint, index, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import type { FindingKind } from '#shared/contracts/reconciliation.ts'

/** Runs of the reconciliation: when, how far, and how much did not agree. */
export const reconciliations = pgTable('reconciliations', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  startedAt: timestamp('started_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  /** Null while it runs, and for good when it was cut off. */
  finishedAt: timestamp('finished_at', { withTimezone: true, mode: 'date' }),
  customers: integer('customers').notNull().default(0),
  findings: integer('findings').notNull().default(0),
  /** The last organization looked at, kept up page by page: a run that stopped or died goes on there. Null when it saw all. */
  resumesAfter: text('resumes_after'),
})

/** Each thing that did not agree, with both sides. Nothing repairs them but a person. */
export const reconciliationFindings = pgTable(
  'reconciliation_findings',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    reconciliationId: bigint('reconciliation_id', { mode: 'number' })
      .notNull()
      .references(() => reconciliations.id),
    organizationId: text('organization_id').notNull(),
    kind: text('kind').$type<FindingKind>().notNull(),
    /** What stands in question: a request, an event or a day, or null for the customer as a whole. */
    subject: text('subject'),
    // As text: sums over a platform's life may pass a safe integer, and not everything that is found is an amount.
    expected: text('expected').notNull(),
    found: text('found').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [index('reconciliation_findings_run').on(t.reconciliationId)],
)
