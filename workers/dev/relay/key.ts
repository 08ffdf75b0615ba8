import type { Command } from 'commander'
import { CreatedCustomerKey, type CustomerKey, CustomerKeyList, KeyChangeAnswer } from '#shared/contracts/customer-key.ts'
import { customerPath } from './customer-path.ts'
import { type Desk, show } from './desk.ts'
import { CommandFailure } from './failure.ts'
import { addLimitOptions, chosenLimits, expiryOption, hasChoices, type LimitChoices, listOption } from './options.ts'
import { facts, limitsText, table } from './table.ts'

interface Json {
  json?: boolean
}

interface NewKeyChoices {
  name?: string
  models?: string[]
  ips?: string[]
  expires?: string
}

/** The verbs about API keys of a customer. */
export function addKeyCommands(program: Command, desk: Desk): void {
  const key = program.command('key').description('create, list, limit and revoke API keys')
  addCreate(key, desk)
  key
    .command('list <organizationId>')
    .description('list the keys of a customer, revoked ones too')
    .option('--json', 'print JSON')
    .action(async (organizationId: string, options: Json) => {
      show(desk, await readKeys(desk, organizationId), options, ({ keys }) => keyTable(keys))
    })
  addLimits(key, desk)
  key
    .command('revoke <organizationId> <keyId>')
    .description('end a key for good')
    .option('--json', 'print JSON')
    .action(async (organizationId: string, keyId: string, options: Json) => {
      const answer = await desk.admin().call('DELETE', keyPathOf(organizationId, keyId), KeyChangeAnswer)
      show(desk, answer, options, () => `${keyId} is revoked.`)
    })
}

function addCreate(key: Command, desk: Desk): void {
  const create = key.command('create <organizationId>').description('create an API key, which is shown once')
  addLimitOptions(create)
    .option('--name <name>', 'what the key is for')
    .option('--models <ids>', 'the only models it may use, separated by commas', listOption)
    .option('--ips <addresses>', 'the only addresses and networks it may be used from, separated by commas', listOption)
    .option('--expires <day>', 'when it ends: 2027-01-01, or a full time', expiryOption)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  npm run relay -- key create org_… --name ci --models gpt-relay-fast --expires 2027-01-01')
    .action(async (organizationId: string, options: Json & LimitChoices & NewKeyChoices) => {
      const { name, models: allowedModels, ips: allowedIps, expires: expiresAt } = options
      const body = { name, limits: chosenLimits(options), allowedModels, allowedIps, expiresAt }
      const created = await desk.admin().call('POST', `${customerPath(organizationId)}/keys`, CreatedCustomerKey, body)
      show(desk, created, options, ({ keyId, apiKey }) =>
        [
          facts([
            ['key', keyId],
            ['API key', apiKey],
          ]),
          '',
          'The API key is not stored and is shown only now.',
        ].join('\n'),
      )
    })
}

function addLimits(key: Command, desk: Desk): void {
  const limits = key.command('limits <organizationId> <keyId>').description('change limits of a key; those not named stay as they are')
  addLimitOptions(limits)
    .option('--json', 'print JSON')
    .action(async (organizationId: string, keyId: string, options: Json & LimitChoices) => {
      if (!hasChoices(options)) return limits.error('error: name at least one limit to change')
      const present = (await readKeys(desk, organizationId)).keys.find((each) => each.keyId === keyId)
      if (!present) throw new CommandFailure(`The customer has no key ${keyId}.`, [`npm run relay -- key list ${organizationId}`])
      const chosen = chosenLimits(options, present.limits)
      const answer = await desk.admin().call('PUT', `${keyPathOf(organizationId, keyId)}/limits`, KeyChangeAnswer, { limits: chosen })
      show(desk, { ...answer, limits: chosen }, options, () => `${keyId} now has the limits: ${limitsText(chosen)}.`)
    })
}

export function keyTable(keys: CustomerKey[]): string {
  const rows = keys.map((key) => [
    key.keyId,
    key.name,
    key.redactedKey,
    stateOf(key),
    limitsText(key.limits),
    key.allowedModels?.join(', ') ?? 'all',
  ])
  return table(['key', 'name', 'API key', 'state', 'limits', 'models'], rows, 'There are no keys.')
}

function stateOf(key: CustomerKey): string {
  if (key.revokedAt !== null) return `revoked ${key.revokedAt.slice(0, 10)}`
  if (key.expiresAt === null) return 'active'
  return Date.parse(key.expiresAt) <= Date.now() ? `expired ${key.expiresAt.slice(0, 10)}` : `active until ${key.expiresAt}`
}

function readKeys(desk: Desk, organizationId: string): Promise<CustomerKeyList> {
  return desk.admin().call('GET', `${customerPath(organizationId)}/keys`, CustomerKeyList)
}

function keyPathOf(organizationId: string, keyId: string): string {
  return `${customerPath(organizationId)}/keys/${encodeURIComponent(keyId)}`
}
