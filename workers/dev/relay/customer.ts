import type { Command } from 'commander'
import {
  ChangeAnswer,
  CreatedCustomer,
  type Customer,
  CustomerDetail,
  CustomerList,
  type CustomerStatus,
} from '#shared/contracts/customer.ts'
import { type CustomerEvent, CustomerEventList } from '#shared/contracts/events/customer-event.ts'
import type { AdminClient } from './admin-client.ts'
import { customerPath } from './customer-path.ts'
import { type Desk, show } from './desk.ts'
import { keyTable } from './key.ts'
import { addLimitOptions, chosenLimits, hasChoices, type LimitChoices, positiveUsdOption, usdOrNoneOption } from './options.ts'
import { facts, limitsText, table, usd } from './table.ts'

interface Json {
  json?: boolean
}

interface MeansChoices {
  overdraftUsd?: number
  lowBalanceUsd?: number | 'none'
}

function meansText(choices: MeansChoices): string {
  const { overdraftUsd } = choices
  const lowBalance = lowBalanceOf(choices)
  const overdraft = overdraftUsd === undefined ? '' : `; overdraft ${usd(overdraftUsd)}`
  return lowBalance === undefined ? overdraft : `${overdraft}; low balance ${usdOrNone(lowBalance)}`
}

function usdOrNone(nanos: number | null): string {
  return nanos === null ? 'none' : usd(nanos)
}

function lowBalanceOf({ lowBalanceUsd }: MeansChoices): number | null | undefined {
  return lowBalanceUsd === 'none' ? null : lowBalanceUsd
}

/** The verbs about customers; an organization is the customer. */
export function addCustomerCommands(program: Command, desk: Desk): void {
  const customer = program.command('customer').description('create, show, limit and suspend customers')
  addCreate(customer, desk)
  addReads(customer, desk)
  addLimits(customer, desk)
  addEvents(customer, desk)
  addStatus(customer, desk, 'suspend', 'suspended', 'refuse all further requests of a customer')
  addStatus(customer, desk, 'restore', 'active', 'let a suspended customer work again')
}

function addCreate(customer: Command, desk: Desk): void {
  const create = customer.command('create').description('create a customer with a first API key, which is shown once')
  addLimitOptions(create)
    .option('--credit-usd <dollars>', 'opening credit', positiveUsdOption)
    .option('--name <name>', 'how people call the customer')
    .option('--overdraft-usd <dollars>', 'how far the balance may fall below zero', positiveUsdOption)
    .option('--low-balance-usd <dollars>', 'tell of a balance that falls below this; none for no such event', usdOrNoneOption)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  npm run relay -- customer create --credit-usd 0.01 --name "Ada" --concurrency 5')
    .action(async (options: Json & LimitChoices & MeansChoices & { creditUsd?: number; name?: string }) => {
      const body = {
        name: options.name,
        creditNanos: options.creditUsd,
        overdraftNanos: options.overdraftUsd,
        lowBalanceNanos: lowBalanceOf(options),
        limits: chosenLimits(options),
      }
      const created = await desk.admin().call('POST', '/customers', CreatedCustomer, body)
      const { organizationId, apiKey, keyId } = created
      show(desk, { organizationId, apiKey, keyId }, options, () =>
        [
          facts([
            ['organization', organizationId],
            ['key', keyId],
            ['API key', apiKey],
          ]),
          '',
          'The API key is not stored and is shown only now.',
        ].join('\n'),
      )
    })
}

function addReads(customer: Command, desk: Desk): void {
  customer
    .command('list')
    .description('list all customers')
    .option('--json', 'print JSON')
    .action(async (options: Json) => {
      show(desk, { customers: await allCustomers(desk.admin()) }, options, ({ customers }) =>
        table(
          ['organization', 'name', 'status', 'balance ', 'overdraft ', 'low balance ', 'limits'],
          customers.map(customerRow),
          'There are no customers yet.',
        ),
      )
    })
  customer
    .command('show <organizationId>')
    .description('show balance, holds, limits and keys of a customer')
    .option('--json', 'print JSON')
    .action(async (organizationId: string, options: Json) => {
      show(desk, await read(desk, organizationId), options, detailText)
    })
}

function addEvents(customer: Command, desk: Desk): void {
  customer
    .command('events <organizationId>')
    .description('show what a customer was told of its account, newest first')
    .option('--before <id>', 'go on before this id')
    .option('--json', 'print JSON')
    .action(async (organizationId: string, options: Json & { before?: string }) => {
      const page = options.before === undefined ? '' : `?before=${encodeURIComponent(options.before)}`
      const answer = await desk.admin().call('GET', `${customerPath(organizationId)}/events${page}`, CustomerEventList)
      show(desk, answer, options, ({ events, next }) => {
        const headings = ['id', 'at', 'event', 'what it tells']
        const text = table(headings, events.map(eventRow), 'Nothing has been told yet.')
        return next === null ? text : `${text}\n\nMore: npm run relay -- customer events ${organizationId} --before ${next}`
      })
    })
}

function eventRow({ id, createdAt, type, data }: CustomerEvent): string[] {
  const told = Object.entries(data).map(([name, value]) =>
    name.endsWith('Nanos') ? `${name.slice(0, -5)} ${usd(Number(value))}` : `${name} ${value}`,
  )
  return [id, createdAt, type, told.join(', ')]
}

function addLimits(customer: Command, desk: Desk): void {
  const limits = customer.command('limits <organizationId>').description('change limits of a customer; those not named stay as they are')
  addLimitOptions(limits)
    .option('--overdraft-usd <dollars>', 'how far the balance may fall below zero', positiveUsdOption)
    .option('--low-balance-usd <dollars>', 'tell of a balance that falls below this; none for no such event', usdOrNoneOption)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  npm run relay -- customer limits org_… --requests-per-minute 60 --concurrency none')
    .action(async (organizationId: string, options: Json & LimitChoices & MeansChoices) => {
      const { overdraftUsd, lowBalanceUsd } = options
      if (!hasChoices(options) && overdraftUsd === undefined && lowBalanceUsd === undefined)
        return limits.error('error: name at least one limit to change')
      const chosen = chosenLimits(options, (await read(desk, organizationId)).limits)
      const body = { limits: chosen, overdraftNanos: overdraftUsd, lowBalanceNanos: lowBalanceOf(options) }
      const answer = await desk.admin().call('PUT', `${customerPath(organizationId)}/limits`, ChangeAnswer, body)
      show(desk, { ...answer, ...body }, options, () => `${organizationId} now has the limits: ${limitsText(chosen)}${meansText(options)}.`)
    })
}

function addStatus(customer: Command, desk: Desk, verb: string, status: CustomerStatus, description: string): void {
  customer
    .command(`${verb} <organizationId>`)
    .description(description)
    .option('--json', 'print JSON')
    .action(async (organizationId: string, options: Json) => {
      const answer = await desk.admin().call('PUT', `${customerPath(organizationId)}/status`, ChangeAnswer, { status })
      show(desk, { ...answer, status }, options, () => `${organizationId} is ${status}.`)
    })
}

async function allCustomers(admin: AdminClient): Promise<Customer[]> {
  const all: Customer[] = []
  for (let after: string | null = ''; after !== null; ) {
    const page: CustomerList = await admin.call('GET', `/customers${after && `?after=${encodeURIComponent(after)}`}`, CustomerList)
    all.push(...page.customers)
    after = page.next
  }
  return all
}

function read(desk: Desk, organizationId: string): Promise<CustomerDetail> {
  return desk.admin().call('GET', customerPath(organizationId), CustomerDetail)
}

function customerRow(customer: Customer): string[] {
  const { organizationId, name, status, balanceNanos, overdraftNanos, lowBalanceNanos, limits } = customer
  return [organizationId, name, status, usd(balanceNanos), usd(overdraftNanos), usdOrNone(lowBalanceNanos), limitsText(limits)]
}

function detailText(customer: CustomerDetail): string {
  const { ledger } = customer
  const money: [string, string][] = ledger
    ? [
        ['held', `${usd(ledger.heldNanos)} by running requests`],
        ['unconfirmed', `${usd(ledger.unconfirmedNanos)} spent, not yet in the books`],
        ['available', usd(ledger.availableNanos)],
      ]
    : [['held', `unknown: ${customer.ledgerNote}`]]
  const lines = facts([
    ['organization', customer.organizationId],
    ['name', customer.name],
    ['status', customer.status],
    ['created', customer.createdAt],
    ['balance', `${usd(customer.balanceNanos)} (version ${customer.version})`],
    ['overdraft', usd(customer.overdraftNanos)],
    ['low balance', usdOrNone(customer.lowBalanceNanos)],
    ...money,
    ['limits', limitsText(customer.limits)],
  ])
  return `${lines}\n\n${keyTable(customer.keys)}`
}
