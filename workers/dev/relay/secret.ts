import { type Command, InvalidArgumentError } from 'commander'
import { type KekStatus, SecretName, SecretRotation, SecretStatus } from '#shared/contracts/secret-rotation.ts'
import { type Desk, show } from './desk.ts'
import { printable } from './printable.ts'
import { facts, table } from './table.ts'

/** The verbs about stored secrets: which keys wrap them, and bringing them under the current one. */
export function addSecretCommands(program: Command, desk: Desk): void {
  const secret = program.command('secret').description('look after the keys that stored secrets are wrapped by')
  secret
    .command('status')
    .description('show how many secrets each key wraps; exits with 1 when one cannot be read')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const answer = await desk.admin().call('GET', '/secrets', SecretStatus)
      show(desk, answer, options, statusText)
      if (answer.keys.some(({ problem }) => problem !== null)) desk.endWith(1)
    })
  secret
    .command('rotate')
    .description('bring all secrets under the current key; may be run again at any time; exits with 1 when any failed or remain')
    .option('--after <name>', 'begin behind this secret', nameOption)
    .option('--json', 'print JSON')
    .action(async (options: { after?: string; json?: boolean }) => {
      const report = await rotate(desk, options.after)
      show(desk, report, options, reportText)
      if (report.failed.length > 0 || report.stopped !== null || report.remaining > 0) desk.endWith(1)
    })
}

type Report = SecretRotation & { remaining: number }

/** Page after page until the last, or until one stops. */
async function rotate(desk: Desk, after: string | undefined): Promise<Report> {
  const total: SecretRotation = { rotated: 0, overtaken: 0, failed: [], next: after ?? null, stopped: null }
  do {
    const body = total.next === null ? {} : { after: total.next }
    const page = await desk.admin().call('POST', '/secrets/rotations', SecretRotation, body)
    total.rotated += page.rotated
    total.overtaken += page.overtaken
    total.failed.push(...page.failed)
    total.next = page.next
    total.stopped = page.stopped
    desk.warn(`${total.rotated} rotated, ${total.overtaken} overtaken, ${total.failed.length} failed`)
  } while (total.next !== null && total.stopped === null)
  const { keys } = await desk.admin().call('GET', '/secrets', SecretStatus)
  const remaining = keys.filter(({ isCurrent }) => !isCurrent).reduce((sum, { secrets }) => sum + secrets, 0)
  return { ...total, remaining }
}

function reportText({ rotated, overtaken, failed, next, stopped, remaining }: Report): string {
  const counts = facts([
    ['rotated', rotated],
    ['changed by others meanwhile', overtaken],
    ['failed', failed.length],
    ['under other keys still', remaining],
  ])
  const failures = table(
    ['failed', 'reason'],
    failed.map(({ name, reason }) => [name, reason]),
    '',
  )
  const end =
    stopped === null
      ? ''
      : printable(`Stopped at ${next}: ${stopped}`) +
        `\n\nRun it again when that is mended, or go on behind it: npm run relay -- secret rotate --after ${printable(next ?? '')}`
  return [counts, failures, end].filter((part) => part !== '').join('\n\n')
}

function statusText({ keys }: SecretStatus): string {
  return table(['provider', 'key', 'secrets ', 'current', 'problem'], keys.map(statusRow), 'There are no keys.')
}

function statusRow({ kek, kekId, secrets, isCurrent, problem }: KekStatus): (string | number)[] {
  return [kek, kekId, secrets, isCurrent ? 'yes' : '', problem ?? '']
}

function nameOption(text: string): string {
  if (!SecretName.safeParse(text).success)
    throw new InvalidArgumentError('The name of a secret such as provider_credentials/byk_…/api_key.')
  return text
}
