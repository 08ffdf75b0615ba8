import type { Command } from 'commander'
import { UsageReport } from '#shared/contracts/usage-report.ts'
import { customerPath } from './customer-path.ts'
import { type Desk, show } from './desk.ts'
import { dayOption } from './options.ts'
import { table, usd, usdOfSum } from './table.ts'

/** What a customer used. */
export function addUsageCommand(program: Command, desk: Desk): void {
  program
    .command('usage <organizationId>')
    .description('show what a customer used and paid, by day, key and model')
    .option('--from <day>', 'first day (UTC); 30 days ago when absent', dayOption)
    .option('--to <day>', 'last day (UTC), included; today when absent', dayOption)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  npm run relay -- usage org_… --from 2026-01-01 --to 2026-01-31')
    .action(async (organizationId: string, options: { from?: string; to?: string; json?: boolean }) => {
      const { from, to } = options
      const period = new URLSearchParams({ ...(from && { from }), ...(to && { to }) })
      const path = `${customerPath(organizationId)}/usage${period.size > 0 ? `?${period}` : ''}`
      show(desk, await desk.admin().call('GET', path, UsageReport), options, reportText)
    })
}

function reportText(report: UsageReport): string {
  const rows = report.rows.map((row) => {
    const cacheWriteTokens = row.cacheWrite5mTokens + row.cacheWrite1hTokens
    const tokens = [row.requests, row.inputTokens, row.cacheReadTokens, cacheWriteTokens, row.outputTokens]
    return [row.day, row.keyId, row.model, ...tokens, usd(row.costNanos)]
  })
  const headings = ['day', 'key', 'model', 'requests ', 'input ', 'cache read ', 'cache write ', 'output ', 'cost ']
  const lines = table(headings, rows, 'Nothing was used.')
  const total = report.rows.reduce((sum, row) => sum + BigInt(row.costNanos), 0n)
  return `${lines}\n\n${report.from} to ${report.to}: ${usdOfSum(total.toString())}`
}
