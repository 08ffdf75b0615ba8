import type { Command } from 'commander'
import { type Difference, Reconciliation } from '#shared/contracts/reconciliation.ts'
import { type Desk, show } from './desk.ts'
import { table, usdOfSum } from './table.ts'

/** Whether the books agree. */
export function addReconcileCommand(program: Command, desk: Desk): void {
  program
    .command('reconcile [organizationId]')
    .description('compare balances, ledger entries, usage records and daily sums; exits with 1 when any differ')
    .option('--json', 'print JSON')
    .action(async (organizationId: string | undefined, options: { json?: boolean }) => {
      const answer = await desk.admin().call('POST', '/reconciliations', Reconciliation, { organizationId })
      show(desk, answer, options, ({ differences }) =>
        table(headings, differences.map(differenceRow), 'The books agree to the nano-dollar.'),
      )
      if (answer.differences.length > 0) desk.endWith(1)
    })
}

const headings = ['organization', 'balance ', 'all entries ', 'usage entries ', 'usage records ', 'daily sums ']

function differenceRow(difference: Difference): string[] {
  const { balanceNanos, entriesNanos, usageEntriesNanos, recordsNanos, dailyNanos } = difference
  return [difference.organizationId, ...[balanceNanos, entriesNanos, usageEntriesNanos, recordsNanos, dailyNanos].map(usdOfSum)]
}
