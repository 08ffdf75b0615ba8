import type { Command } from 'commander'
import { type Difference, Reconciliation, type ReconciliationRun, ReconciliationRunList } from '#shared/contracts/reconciliation.ts'
import { type Desk, show } from './desk.ts'
import { table, usdOfSum } from './table.ts'

/** Whether the books agree: now, and in the hourly runs. */
export function addReconcileCommands(program: Command, desk: Desk): void {
  program
    .command('reconcile [organizationId]')
    .description('compare balances, ledger entries, usage records, daily and hourly sums; exits with 1 when any differ')
    .option('--json', 'print JSON')
    .action(async (organizationId: string | undefined, options: { json?: boolean }) => {
      const answer = await desk.admin().call('POST', '/reconciliations', Reconciliation, { organizationId })
      show(desk, answer, options, ({ differences }) =>
        table(headings, differences.map(differenceRow), 'The books agree to the nano-dollar.'),
      )
      if (answer.differences.length > 0) desk.endWith(1)
    })
  program
    .command('reconciliations')
    .description('show what the hourly runs found, in the books and in the ledger objects; exits with 1 when the latest found anything')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const answer = await desk.admin().call('GET', '/reconciliations', ReconciliationRunList)
      show(desk, answer, options, ({ runs }) => runsText(runs))
      if ((answer.runs[0]?.findingCount ?? 0) > 0) desk.endWith(1)
    })
}

const headings = ['organization', 'balance ', 'all entries ', 'usage entries ', 'usage records ', 'daily sums ', 'hourly sums ']

function differenceRow(difference: Difference): string[] {
  const { balanceNanos, entriesNanos, usageEntriesNanos, recordsNanos, dailyNanos, hourlyNanos } = difference
  return [
    difference.organizationId,
    ...[balanceNanos, entriesNanos, usageEntriesNanos, recordsNanos, dailyNanos, hourlyNanos].map(usdOfSum),
  ]
}

function runsText(runs: ReconciliationRun[]): string {
  const lines = table(
    ['started', 'finished', 'customers ', 'findings ', 'goes on after'],
    runs.map((run) => [run.startedAt, run.finishedAt ?? 'no', run.customers, run.findingCount, run.resumesAfter ?? '']),
    'No run yet.',
  )
  const rows = runs.flatMap(({ startedAt, findings }) =>
    findings.map((each) => [startedAt, each.organizationId, each.kind, each.subject ?? '', each.expected, each.found]),
  )
  return rows.length === 0 ? lines : `${lines}\n\n${table(['run', 'organization', 'kind', 'subject', 'expected', 'found'], rows, '')}`
}
