import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { CreditAnswer } from '#shared/contracts/credit.ts'
import { CreatedCustomer, CustomerDetail } from '#shared/contracts/customer.ts'
import { KeyChangeAnswer } from '#shared/contracts/customer-key.ts'
import { Reconciliation } from '#shared/contracts/reconciliation.ts'
import { UsageReport } from '#shared/contracts/usage-report.ts'
import { checkoutDirectory, nodeBinary } from '#workers/dev/processes/environment.ts'
import { Customer } from './customers.ts'
import { expectSoundBooks } from './invariants.ts'

test('an operator makes a customer, gives credit, reads its usage, revokes its key and finds the books in order', async () => {
  const createdAtMs = Date.now()
  const created = CreatedCustomer.parse(await relay('customer', 'create', '--name', 'Journey', '--credit-usd', '0.5'))
  const customer = new Customer(created, createdAtMs)
  const { organizationId, keyId } = customer
  expect((await customer.chat('fast')).status).toBe(200)
  const credit = await relay('credit', organizationId, '--usd', '2.25', '--reason', 'a journey')
  expect(CreditAnswer.parse(credit)).toMatchObject({ amountNanos: 2_250_000_000, pushed: true })
  const { records } = await expectSoundBooks(customer)
  const costNanos = records[0]?.costNanos ?? Number.NaN
  const detail = CustomerDetail.parse(await relay('customer', 'show', organizationId))
  expect(detail.balanceNanos).toBe(2_750_000_000 - costNanos)
  expect(UsageReport.parse(await relay('usage', organizationId)).rows).toMatchObject([{ requests: 1, costNanos }])
  expect(KeyChangeAnswer.parse(await relay('key', 'revoke', organizationId, keyId))).toMatchObject({ pushed: true })
  expect((await customer.chat('fast')).status).toBe(401)
  expect(Reconciliation.parse(await relay('reconcile', organizationId))).toEqual({ differences: [] })
}, 60_000)

/** Runs the operator's command in a process of its own and reads the JSON it prints. */
async function relay(...parameters: string[]): Promise<unknown> {
  const program = join(checkoutDirectory, 'workers', 'dev', 'relay', 'command.ts')
  const env = { ...process.env, RELAY_STACK: join(inject('stack').directory, 'stack.json') }
  const { stdout } = await promisify(execFile)(nodeBinary, [program, ...parameters, '--json'], { env })
  return JSON.parse(stdout)
}
