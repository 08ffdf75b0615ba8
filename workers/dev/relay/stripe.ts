import { type Command, InvalidArgumentError } from 'commander'
import { PaymentFinding, PaymentFindingList } from '#shared/contracts/payment-finding.ts'
import { StripeSettingsAnswer, StripeTest } from '#shared/contracts/stripe-settings.ts'
import { type Desk, show } from './desk.ts'
import { CommandFailure } from './failure.ts'
import { positiveUsdOption } from './options.ts'
import { facts, table, usd } from './table.ts'

interface NewStripe {
  secretKey?: string
  webhookSecret?: string
  minUsd?: number
  maxUsd?: number
  automaticTax?: boolean
  collectTaxIds?: boolean
  json?: boolean
}

/** The verbs about how the platform takes payments. */
export function addStripeCommands(program: Command, desk: Desk): void {
  const stripe = program
    .command('stripe')
    .description('how the platform takes payments: set, show and test it, and what waits for a person')
  addSet(stripe, desk)
  stripe
    .command('show')
    .description('show how payments are taken, without the keys')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      show(desk, await desk.admin().call('GET', '/stripe', StripeSettingsAnswer), options, settingsText)
    })
  stripe
    .command('test')
    .description('ask Stripe whether the stored key works; ends with 1 when it does not')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const test = await desk.admin().call('POST', '/stripe/test', StripeTest)
      if (test.outcome !== 'works') desk.endWith(1)
      show(desk, test, options, ({ outcome, answer }) =>
        facts([
          ['the key', outcome],
          ['Stripe says', answer],
        ]),
      )
    })
  addFindings(stripe, desk)
}

/** The keys have no parser of their own: commander would print what it refuses. */
function addSet(stripe: Command, desk: Desk): void {
  stripe
    .command('set')
    .description('replace how payments are taken; a key that is left out stays as it is stored')
    .option('--secret-key <key>', 'secret or restricted key of Stripe; - reads it from standard input. Its mode is that of the platform')
    .option(
      '--webhook-secret <secret>',
      'signing secret of the webhook endpoint at Stripe; - reads it from standard input, from the next line',
    )
    .option('--min-usd <dollars>', 'the smallest top-up (default 5)', positiveUsdOption)
    .option('--max-usd <dollars>', 'the largest top-up (default 10000)', positiveUsdOption)
    .option('--automatic-tax', 'let Stripe Tax compute taxes')
    .option('--collect-tax-ids', 'let customers give a tax id')
    .option('--json', 'print JSON')
    .action(async (options: NewStripe) => {
      const { minUsd, maxUsd, automaticTax = false, collectTaxIds = false } = options
      const bounds = { ...(minUsd !== undefined && { minTopUpNanos: minUsd }), ...(maxUsd !== undefined && { maxTopUpNanos: maxUsd }) }
      const body = { ...bounds, automaticTax, collectTaxIds, ...(await keysOf(desk, options)) }
      show(desk, await desk.admin().call('PUT', '/stripe', StripeSettingsAnswer, body), options, settingsText)
    })
}

/** What standard input gives, a line for each that is asked from there. */
async function keysOf(desk: Desk, { secretKey, webhookSecret }: NewStripe): Promise<{ secretKey?: string; webhookSecret?: string }> {
  const lines = [secretKey, webhookSecret].includes('-') ? (await desk.readInput()).split(/\r?\n/).filter((line) => line !== '') : []
  const read = (given: string | undefined) => {
    if (given !== '-') return given
    const line = lines.shift()
    if (line === undefined) throw new CommandFailure('Standard input has fewer lines than keys were asked from there.')
    return line.trim()
  }
  const [key, secret] = [read(secretKey), read(webhookSecret)]
  return { ...(key !== undefined && { secretKey: key }), ...(secret !== undefined && { webhookSecret: secret }) }
}

function addFindings(stripe: Command, desk: Desk): void {
  stripe
    .command('findings')
    .description('payments that are not as they should be, and were not credited; ends with 1 when any is open')
    .option('--all', 'those that somebody has decided about as well')
    .option('--before <id>', 'the page before this finding', idOption)
    .option('--json', 'print JSON')
    .action(async ({ all = false, before, ...options }: { all?: boolean; before?: number; json?: boolean }) => {
      const question = new URLSearchParams({ all: String(all), ...(before !== undefined && { before: String(before) }) })
      const answer = await desk.admin().call('GET', `/stripe/findings?${question}`, PaymentFindingList)
      if (answer.findings.some(({ resolvedAt }) => resolvedAt === null)) desk.endWith(1)
      show(desk, answer, options, ({ findings }) => table(headings, findings.map(findingRow), 'Nothing waits for a person.'))
    })
  stripe
    .command('resolve <id>')
    .description('note what was decided about a finding; credit or debit by hand where that is due')
    .requiredOption('--note <text>', 'what was decided')
    .option('--json', 'print JSON')
    .action(async (id: string, { note, ...options }: { note: string; json?: boolean }) => {
      const path = `/stripe/findings/${encodeURIComponent(id)}/resolve`
      show(desk, await desk.admin().call('POST', path, PaymentFinding, { note }), options, (finding) =>
        table(headings, [findingRow(finding)], ''),
      )
    })
}

const headings = ['id ', 'found', 'reason', 'object', 'organization', 'details', 'decided']

function findingRow({
  id,
  foundAt,
  reason,
  objectId,
  organizationId,
  details,
  resolution,
  resolvedBy,
}: PaymentFinding): (string | number)[] {
  const told = Object.entries(details).map(([name, value]) => `${name}=${value}`)
  return [id, foundAt, reason, objectId, organizationId ?? '', told.join(' '), resolution === null ? 'no' : `${resolution} (${resolvedBy})`]
}

function idOption(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('The id of a finding, such as 17.')
  return Number(text)
}

function settingsText({ stripe }: StripeSettingsAnswer): string {
  if (!stripe) return 'Stripe is not set up: nobody can top up. npm run relay -- stripe set'
  const { minTopUpNanos, maxTopUpNanos, automaticTax, collectTaxIds, livemode, updatedAt } = stripe
  return facts([
    ['mode', livemode ? 'live' : 'test'],
    ['keys', 'stored'],
    ['top-ups', `${usd(minTopUpNanos)} to ${usd(maxTopUpNanos)}`],
    ['automatic tax', automaticTax ? 'on' : 'off'],
    ['tax ids', collectTaxIds ? 'may be given' : 'not asked for'],
    ['changed', updatedAt],
  ])
}
