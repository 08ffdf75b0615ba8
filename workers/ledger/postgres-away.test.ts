import { beforeEach, test } from 'vitest'
import { backlogRetryMs, snapshotFreshMs, unconfirmedMost } from './limits.ts'
import { Position } from './position.ts'
import { decideAdmission } from './rules.ts'
import { Customer, facts, key, passTime, reference, settlement, startMs, stopClock } from './testing/customer.ts'
import { unconfirmedOf } from './unconfirmed.ts'

beforeEach(() => stopClock())

const account = (overrides = {}) => new Customer('org_away', { balanceNanos: 1_000_000, keys: [key('key_1')], ...overrides }).account
const without = { withoutPostgresMs: 600_000, withoutPostgresNanos: 500 }

function positionSeen(ageMs: number): Position {
  const position = new Position()
  position.takeSnapshot(account(), startMs - ageMs)
  return position
}

function spend(position: Position, requestId: string, nanos: number): void {
  const event = {
    kind: 'settlement' as const,
    amountNanos: -nanos,
    settledAtMs: startMs,
    request: facts(requestId),
    settlement: settlement(nanos),
  }
  position.addUnconfirmed(`${requestId}:settlement`, unconfirmedOf(event))
}

test('while the account is fresh, nothing but money bounds what is held', ({ expect }) => {
  const decision = decideAdmission(positionSeen(snapshotFreshMs), reference('req_1', { holdNanos: 900_000 }), without, startMs)
  expect(decision.outcome).toBe('admitted')
})

test('with a stale account, what is held and spent outside Postgres is bounded to the nano', ({ expect }) => {
  const position = positionSeen(snapshotFreshMs + 1)
  spend(position, 'req_spent', 200)
  const ask = (holdNanos: number) => decideAdmission(position, reference('req_1', { holdNanos }), without, startMs).outcome
  expect(ask(301)).toBe('snapshot_required')
  expect(ask(300)).toBe('admitted')
  position.open({ ...reference('req_held', { holdNanos: 100 }), countedAtMs: null, leaseExpiresAtMs: startMs + 1, report: null })
  expect(ask(201)).toBe('snapshot_required')
  expect(ask(200)).toBe('admitted')
})

test('an account just read ends the bound, because Postgres is there', async ({ expect }) => {
  const customer = await new Customer('org_back', { balanceNanos: 200_000_000_000_000 }).known()
  const holdNanos = 100_000_000_001
  passTime(snapshotFreshMs + 1)
  expect(await customer.verdict('req_1', { holdNanos })).toBe('snapshot_required')
  expect(await customer.verdict('req_1', { holdNanos, snapshot: customer.account })).toBe('admitted')
})

test('only one request in a while is asked to read a stale account again', async ({ expect }) => {
  const customer = await new Customer('org_stale').known()
  passTime(snapshotFreshMs + 1)
  const asked = async (requestId: string) =>
    ((await customer.admit(requestId, { holdNanos: 1 })) as { snapshotIsStale: boolean }).snapshotIsStale
  expect([await asked('req_1'), await asked('req_2')]).toEqual([true, false])
  passTime(2_000)
  expect(await asked('req_3')).toBe(true)
})

test('more unconfirmed events than memory should keep are not added to', ({ expect }) => {
  const position = positionSeen(0)
  for (let index = 0; index < unconfirmedMost; index++) spend(position, `req_${index}`, 0)
  const ask = () => decideAdmission(position, reference('req_next', { holdNanos: 1 }), without, startMs)
  expect(ask()).toMatchObject({ outcome: 'refused', reason: 'unconfirmed_backlog', retryAfterMs: backlogRetryMs })
  position.confirm('req_0:settlement')
  expect(ask().outcome).toBe('admitted')
})
