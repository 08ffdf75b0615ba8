import { readFileSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { CatalogueFile } from '#shared/contracts/catalogue.ts'
import { type CatalogueChange, CatalogueImportAnswer, type PriceChange } from '#shared/contracts/catalogue-import.ts'
import { formatUsd } from '#shared/values/money.ts'
import { type Desk, show } from './desk.ts'
import { CommandFailure } from './failure.ts'
import { printable } from './printable.ts'
import { table } from './table.ts'

/** Far above what the admin Worker takes, so that a wrong file is not read into memory only to be refused. */
const largestFileBytes = 8 * 1024 * 1024

/** The verbs about the catalogue: models, providers, routes and prices together. */
export function addCatalogueCommands(program: Command, desk: Desk): void {
  program
    .command('catalogue')
    .description('bring models, providers, routes and prices to what a file says')
    .command('import <file>')
    .description('import a file as db/catalogue/README.md explains it, and show the difference')
    .option('--dry-run', 'only show what would change')
    .option('--force', 'import although changes look absurd')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  npm run relay -- catalogue import db/catalogue/list.json --dry-run')
    .action(async (file: string, options: { dryRun?: boolean; force?: boolean; json?: boolean }) => {
      const body = { catalogue: readCatalogueFile(file), dryRun: options.dryRun === true, force: options.force === true }
      show(desk, await desk.admin().call('POST', '/catalogue/imports', CatalogueImportAnswer, body), options, answerText)
    })
}

/** Reads and checks the file, so that mistakes are told by their place in it; what is sent is the file as it stands. */
function readCatalogueFile(file: string): unknown {
  const content = parsedJson(file)
  const parsed = CatalogueFile.safeParse(content)
  if (parsed.success) return content
  const hints = parsed.error.issues
    .slice(0, 20)
    .map((issue) => printable(`${issue.path.map(String).join('.') || 'file'}: ${issue.message}`))
  throw new CommandFailure(`${printable(file)} is not a catalogue.`, hints)
}

function parsedJson(file: string): unknown {
  try {
    if (statSync(file).size > largestFileBytes) throw new Error(`larger than ${largestFileBytes} bytes`)
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new CommandFailure(printable(`${file} cannot be read: ${error instanceof Error ? error.message : 'unknown'}`))
  }
}

function answerText({ outcome, changes, prices, absurd }: CatalogueImportAnswer): string {
  const ends = { applied: 'The catalogue is imported.', unchanged: 'The catalogue is as the file says.', dry_run: 'Nothing was changed.' }
  const parts = [
    table(['change', 'what', 'which', 'field', 'from', 'to'], changes.flatMap(changeRows), ''),
    table(['model', 'price of', 'amount', 'from ', 'to ', '% '], prices.map(priceRow), ''),
    table(
      ['absurd'],
      absurd.map(({ detail }) => [detail]),
      '',
    ),
    outcome === 'dry_run' && absurd.length > 0 ? `${ends.dry_run} It would need --force.` : ends[outcome],
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function changeRows({ what, id, change, fields }: CatalogueChange): string[][] {
  if (change === 'added') return [[change, what, id, '', '', '']]
  return fields.map(({ field, from, to }) => [change, what, id, field, from, to])
}

function priceRow({ modelId, route, name, from, to, percent }: PriceChange): (string | number)[] {
  return [modelId, route ?? 'model', name.replace(/(Picos|Nanos)$/, ''), amountText(name, from), amountText(name, to), percent ?? '']
}

/** Dollars per million for pico-dollars, dollars for one piece for nano-dollars, as on the pages of providers. */
function amountText(name: string, amount: number | null): string {
  if (amount === null) return 'not sold'
  if (name.endsWith('Picos')) return `$${formatUsd(amount * 1_000)}/M`
  return name.endsWith('Nanos') ? `$${formatUsd(amount)}` : String(amount)
}
