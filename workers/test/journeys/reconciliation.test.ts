import { Pool } from 'pg'
import { expect, inject, test } from 'vitest'
import { ReconciliationRunList } from '#shared/contracts/reconciliation.ts'
import { portOffsets } from '#workers/dev/ports.ts'
import { admin, newCustomer } from './customers.ts'
import { expectSoundBooks } from './invariants.ts'

test('the hourly run asks the real ledger objects, finds a planted nano and leaves it where it is', async () => {
  const customer = await newCustomer()
  expect((await customer.chat('fast')).status).toBe(200)
  await expectSoundBooks(customer)
  const { organizationId } = customer
  expect((await runCron()).filter((finding) => finding.organizationId === organizationId)).toEqual([])

  const { balanceNanos } = await customer.detail()
  await moveBalance(organizationId, 1)
  const findings = (await runCron()).filter((finding) => finding.organizationId === organizationId)
  expect((await customer.detail()).balanceNanos).toBe(balanceNanos + 1)
  await moveBalance(organizationId, -1)
  const [expected, found] = [String(balanceNanos), String(balanceNanos + 1)]
  expect(findings).toEqual([
    { organizationId, kind: 'balance_differs', subject: null, expected, found },
    { organizationId, kind: 'ledger_balance_differs', subject: null, expected: found, found: expected },
  ])
})

/** Lets the cron ring as the platform would, and answers what the run found. */
async function runCron() {
  const url = new URL(inject('stack').proxyUrl)
  url.port = String(Number(url.port) - portOffsets.proxy + portOffsets.usage)
  const answer = await fetch(new URL('/cdn-cgi/handler/scheduled?cron=41+*+*+*+*', url))
  expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
  const { runs } = await admin().call('GET', '/reconciliations', ReconciliationRunList)
  expect(runs[0]).toMatchObject({ finishedAt: expect.any(String), resumesAfter: null })
  return runs[0]?.findings ?? []
}

async function moveBalance(organizationId: string, nanos: number): Promise<void> {
  const pool = new Pool({ connectionString: inject('stack').postgresUrl })
  await pool.query('update organizations set balance_nanos = balance_nanos + $2 where id = $1', [organizationId, nanos])
  await pool.end()
}
