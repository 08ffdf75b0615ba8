import { Argument, type Command, InvalidArgumentError } from 'commander'
import {
  AddedProviderCredential,
  CredentialChangeAnswer,
  CredentialTest,
  FallbackAnswer,
  type ProviderCredential,
  ProviderCredentialList,
} from '#shared/contracts/provider-credential.ts'
import { customerPath } from './customer-path.ts'
import { type Desk, show } from './desk.ts'
import { listOption } from './options.ts'
import { facts, table } from './table.ts'

interface Choice {
  organization: string
  json?: boolean
}

interface KeyChoice extends Choice {
  key: string
  skipValidation?: boolean
}

interface NewChoice extends KeyChoice {
  provider: string
  name?: string
  baseUrl?: string
  models?: string[]
  keys?: string[]
  priority?: number
}

/** The verbs about the keys that a customer has at providers and brings along. */
export function addByokCommands(program: Command, desk: Desk): void {
  const byok = program.command('byok').description("keys of a customer's own at providers: add, list, test, replace and remove them")
  addAdd(byok, desk)
  addList(byok, desk)
  addTest(byok, desk)
  addReplace(byok, desk)
  verb(byok, 'remove <credentialId>')
    .description('forget a key')
    .action(async (credentialId: string, options: Choice) => {
      const answer = await desk.admin().call('DELETE', pathOf(options, credentialId), CredentialChangeAnswer)
      show(desk, answer, options, () => `${credentialId} is removed, and its key forgotten.`)
    })
  verb(byok, 'fallback')
    .description("whether requests that no key of the customer's could serve are served with its credit")
    .addArgument(new Argument('<state>').choices(['on', 'off']))
    .action(async (state: string, options: Choice) => {
      const answer = await desk.admin().call('PUT', pathOf(options, 'fallback'), FallbackAnswer, { fallback: state === 'on' })
      show(desk, answer, options, ({ fallback }) => fallbackText(fallback))
    })
}

function addAdd(byok: Command, desk: Desk): void {
  addKeyOptions(verb(byok, 'add').requiredOption('--provider <name>', 'whose key it is, such as openai, or openai-compatible'))
    .description('store a key after the provider has taken it')
    .option('--name <name>', 'what the key is for')
    .option('--base-url <url>', 'of openai-compatible: where it is, its version included')
    .option('--models <ids>', 'the only models it serves, separated by commas', listOption)
    .option('--keys <keyIds>', 'the only API keys of the customer that may use it, separated by commas', listOption)
    .option('--priority <number>', 'the smaller is tried first (0)', priorityOption)
    .addHelpText('after', '\nExample:\n  npm run relay -- byok add --organization org_… --provider openai --key - < key.txt')
    .action(async (options: NewChoice) => {
      const { provider, name, baseUrl, models, keys: keyIds, priority } = options
      const body = { ...(await keyOf(desk, options)), provider, name, baseUrl, models, keyIds, priority }
      const added = await desk.admin().call('POST', pathOf(options), AddedProviderCredential, body)
      show(desk, added, options, (credential) =>
        facts([
          ['credential', credential.credentialId],
          ['provider', credential.baseUrl ?? credential.provider],
          ['key', `…${credential.lastFour}`],
        ]),
      )
    })
}

function addList(byok: Command, desk: Desk): void {
  verb(byok, 'list')
    .description('list the keys in the order in which they are tried')
    .action(async (options: Choice) => {
      const list = await desk.admin().call('GET', pathOf(options), ProviderCredentialList)
      show(desk, list, options, ({ credentials, fallback }) => {
        const headings = ['credential', 'provider', 'name', 'key', 'priority ', 'models', 'API keys', 'status', 'last used', 'last error']
        return `${table(headings, credentials.map(credentialRow), 'The customer brings no keys along.')}\n\n${fallbackText(fallback)}`
      })
    })
}

function addTest(byok: Command, desk: Desk): void {
  verb(byok, 'test <credentialId>')
    .description('ask the provider whether it takes the stored key; ends with 1 when it does not')
    .action(async (credentialId: string, options: Choice) => {
      const test = await desk.admin().call('POST', pathOf(options, credentialId, 'test'), CredentialTest)
      if (test.outcome !== 'accepted') desk.endWith(1)
      show(desk, test, options, ({ outcome, status }) => `${testTexts[outcome]} (${status === null ? 'no answer' : `status ${status}`}).`)
    })
}

const testTexts: Record<CredentialTest['outcome'], string> = {
  accepted: 'The provider takes the key',
  refused: 'The provider refuses the key',
  unreachable: 'The provider did not show whether it takes the key',
}

function addReplace(byok: Command, desk: Desk): void {
  addKeyOptions(verb(byok, 'replace <credentialId>'))
    .description('put another key in the place of one; a paused one works again')
    .action(async (credentialId: string, options: KeyChoice) => {
      const answer = await desk
        .admin()
        .call('PUT', pathOf(options, credentialId, 'key'), CredentialChangeAnswer, await keyOf(desk, options))
      show(desk, answer, options, () => `${credentialId} has its new key.`)
    })
}

function verb(byok: Command, nameAndArguments: string): Command {
  return byok.command(nameAndArguments).requiredOption('--organization <organizationId>', 'whose key it is').option('--json', 'print JSON')
}

/** The key has no parser of its own: commander would print what it refuses. */
function addKeyOptions(command: Command): Command {
  return command
    .requiredOption('--key <key>', 'the key; - reads it from standard input, which keeps it out of the history of the shell')
    .option('--skip-validation', 'store it without asking the provider')
}

async function keyOf(desk: Desk, { key, skipValidation }: KeyChoice): Promise<{ apiKey: string; skipValidation: boolean }> {
  return { apiKey: key === '-' ? (await desk.readInput()).trim() : key, skipValidation: skipValidation === true }
}

function priorityOption(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('A whole number from 0 to 1000.')
  return Number(text)
}

/** Whatever was typed stays one segment each. */
function pathOf({ organization }: Choice, ...segments: string[]): string {
  return [`${customerPath(organization)}/provider-credentials`, ...segments.map(encodeURIComponent)].join('/')
}

function fallbackText(fallback: boolean): string {
  return fallback ? 'What no key of its own serves is served with its credit.' : 'What no key of its own serves is refused.'
}

function credentialRow(credential: ProviderCredential): (string | number)[] {
  const { credentialId, provider, baseUrl, name, lastFour, priority, models, keyIds, status, lastUsedAt, lastError, lastErrorAt } =
    credential
  return [
    credentialId,
    baseUrl ?? provider,
    name,
    `…${lastFour}`,
    priority,
    models?.join(', ') ?? 'all',
    keyIds?.join(', ') ?? 'all',
    status,
    lastUsedAt ?? 'never',
    lastError === null ? '' : `${lastError} ${lastErrorAt ?? ''}`.trim(),
  ]
}
