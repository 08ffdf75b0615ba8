import type { Command } from 'commander'
import { CreditAnswer } from '#shared/contracts/credit.ts'
import { newId } from '#shared/values/id.ts'
import { customerPath } from './customer-path.ts'
import { type Desk, show } from './desk.ts'
import { usdOption } from './options.ts'
import { postOnce } from './post-once.ts'
import { usd } from './table.ts'

interface CreditOptions {
  usd: number
  reason: string
  idempotencyKey?: string
  json?: boolean
}

/** Money by hand. */
export function addCreditCommand(program: Command, desk: Desk): void {
  const command = program.command('credit <organizationId>').description('give a customer credit, or take it with a negative amount')
  command
    .requiredOption('--usd <dollars>', 'amount, such as 5 or -0.50', usdOption)
    .requiredOption('--reason <text>', 'why; kept with the ledger entry')
    .option('--idempotency-key <key>', 'names this credit: asked for twice, it is given once')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  npm run relay -- credit org_… --usd 5 --reason "refund of ticket 12" --idempotency-key ticket-12')
    .action(async (organizationId: string, options: CreditOptions) => {
      if (options.usd === 0) return command.error('error: --usd must not be zero')
      const idempotencyKey = options.idempotencyKey ?? newId('crd')
      const body = { amountNanos: options.usd, reason: options.reason, idempotencyKey }
      const answer = await postOnce(desk, `${customerPath(organizationId)}/credits`, CreditAnswer, body)
      show(desk, { ...answer, idempotencyKey }, options, ({ amountNanos, balanceNanos, replayed }) =>
        replayed
          ? `${usd(amountNanos)} had been posted under this idempotency key before; nothing was posted now. The balance is ${usd(balanceNanos)}.`
          : `${usd(amountNanos)} posted. The balance is ${usd(balanceNanos)}.`,
      )
    })
}
