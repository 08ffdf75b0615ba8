import { Command, CommanderError } from 'commander'
import { openAdminClient } from './admin-client.ts'
import { addAuditCommands } from './audit.ts'
import { addByokCommands } from './byok.ts'
import { addCatalogueCommands } from './catalogue.ts'
import { addCreditCommand } from './credit.ts'
import { addCustomerCommands } from './customer.ts'
import { findDeployment } from './deployment.ts'
import type { Desk } from './desk.ts'
import { CommandFailure } from './failure.ts'
import { addKeyCommands } from './key.ts'
import { addMailCommands } from './mail.ts'
import { addModelCommands } from './model.ts'
import { addParkedCommand } from './parked.ts'
import { addPromotionCommands } from './promotion.ts'
import { addReconcileCommands } from './reconcile.ts'
import { addRouteCommands } from './route.ts'
import { addSecretCommands } from './secret.ts'
import { addStripeCommands } from './stripe.ts'
import { addUsageCommand } from './usage.ts'

/** What the command takes from the process it runs in. */
export interface Terminal {
  env: Record<string, string | undefined>
  print: (text: string) => void
  complain: (text: string) => void
  /** All of standard input. */
  readInput: () => Promise<string>
}

/** Runs one operator's command. Answers the exit code: 0 done, 1 failed or the books need somebody, 2 wrongly called. */
export async function runRelay(parameters: string[], terminal: Terminal): Promise<number> {
  let exitCode = 0
  const desk: Desk = {
    print: (text) => terminal.print(`${text}\n`),
    warn: (text) => terminal.complain(`${text}\n`),
    readInput: terminal.readInput,
    admin: () => openAdminClient(findDeployment(terminal.env)),
    endWith: (code) => {
      exitCode = code
    },
  }
  try {
    await relayProgram(desk, terminal).parseAsync(parameters, { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has printed its message already; all it throws but help and version is a wrong call.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof CommandFailure)) throw error
    terminal.complain(`error: ${error.message}\n`)
    for (const hint of error.hints) terminal.complain(`  ${hint}\n`)
    return 1
  }
}

function relayProgram(desk: Desk, terminal: Terminal): Command {
  const program = new Command('relay')
    .description(
      'Operate Rocket Relay: customers, credit, promotions, keys, own keys at providers, models, usage, secrets, mail, payments, the books and the audit log.',
    )
    .exitOverride()
    .configureOutput({ writeOut: terminal.print, writeErr: terminal.complain })
    .showHelpAfterError('(add --help for what this command takes)')
    .addHelpText('after', environmentHelp)
  addCustomerCommands(program, desk)
  addCreditCommand(program, desk)
  addPromotionCommands(program, desk)
  addKeyCommands(program, desk)
  addByokCommands(program, desk)
  addModelCommands(program, desk)
  addCatalogueCommands(program, desk)
  addRouteCommands(program, desk)
  addUsageCommand(program, desk)
  addReconcileCommands(program, desk)
  addAuditCommands(program, desk)
  addParkedCommand(program, desk)
  addSecretCommands(program, desk)
  addMailCommands(program, desk)
  addStripeCommands(program, desk)
  return program
}

const environmentHelp = `
Every command takes --json for scripts (npm run -s relay -- … keeps npm's own lines away). Exit codes: 0 done, 1 failed (or the books disagree, or an event waits parked), 2 wrongly called.

The deployment is found through
  RELAY_ADMIN_URL, RELAY_ACCESS_CLIENT_ID, RELAY_ACCESS_CLIENT_SECRET   a deployed platform
  RELAY_STACK                                                           the stack.json of another local stack
and otherwise it is the local stack that npm start runs.

Examples:
  npm run relay -- customer create --credit-usd 5 --name "Ada" --requests-per-minute 60
  npm run relay -- credit org_… --usd 20 --reason "invoice 17"
  npm run relay -- promotion create --code WELCOME --usd 5 --days 30 --max 100
  npm run relay -- customer limits org_… --spend-per-day-usd 10 --low-balance-usd 5
  npm run relay -- byok add --organization org_… --provider openai --key - < key.txt
  npm run relay -- catalogue import db/catalogue/list.json --dry-run
  npm run relay -- reconcile
  npm run relay -- reconciliations
  npm run relay -- audit verify org_…
  npm run relay -- secret rotate
  npm run relay -- mail set --host smtp.example.com --port 465 --security tls --user relay --password - --from relay@example.com < password.txt
  npm run relay -- stripe set --secret-key - --webhook-secret - < keys.txt
`
