import { bigint, index, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** Runs of the reconciliation: when, how far, and how much did not agree. */
export const reconciliations = pgTable('reconciliations', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  startedAt: timestamp('started_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  /** Null while it runs, and for good when it was cut off. */
  finishedAt: timestamp('finished_at', { withTimezone: true, mode: 'date' }),
  customers: integer('customers').notNull().default(0),
  findings: integer('findings').notNull().default(0),
  /** Where a run that had to stop goes on: the last organization it looked at. Null when it saw all. */
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
    kind: text('kind').notNull(),
    /** What stands in question: an event or request id, or null for a sum. */
    subject: text('subject'),
    // Whole nano-dollars as text: sums over a platform's life may pass a safe integer.
    expected: text('expected').notNull(),
    found: text('found').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [index('reconciliation_findings_run').on(t.reconciliationId)],
)
