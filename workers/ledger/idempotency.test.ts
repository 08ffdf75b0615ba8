import { beforeEach, describe, expect, test } from 'vitest'
import type { Idempotency } from '#shared/contracts/ledger.ts'
import type { Settlement } from '#shared/contracts/usage-event.ts'
import { IdempotencyBook } from './idempotency.ts'
import { idempotencyKeptMs, idempotencyKeysKept, inFlightRetryMs } from './limits.ts'
import { Customer, flushed, type HoldTerms, passTime, reference, settlement, stopClock } from './testing/customer.ts'
import { watchWrites } from './testing/watch-writes.ts'

beforeEach(() => stopClock())

const keyed: HoldTerms = { idempotency: { keyHash: 'key a', bodyHash: 'body a' } }
const otherBody: HoldTerms = { idempotency: { keyHash: 'key a', bodyHash: 'body b' } }
const otherKey: HoldTerms = { idempotency: { keyHash: 'key b', bodyHash: 'body a' } }
const failed: Partial<Settlement> = { status: 502, end: 'upstream_error' }

/** A request that brought the key first, and what became of it; afterwards the object is evicted when told so. */
async function first(name: string, isEvicted: boolean, ...steps: ((customer: Customer) => Promise<unknown>)[]): Promise<Customer> {
  const customer = await new Customer(`org_idempotency_${name.replaceAll(/\W+/g, '_')}_${isEvicted}`).known()
  await customer.admit('req_1', keyed)
  for (const step of steps) await step(customer)
  await flushed()
  if (isEvicted) await customer.evict()
  return customer
}

const settle =
  (costNanos: number, facts: Partial<Settlement> = {}) =>
  (customer: Customer) =>
    customer.settle('req_1', costNanos, keyed, facts)
const expire = async (customer: Customer) => {
  passTime(60_000)
  await customer.ring()
}
/** The account is pushed anew after it: nothing is decided on one so old. */
const passDay = (customer: Customer) => {
  passTime(idempotencyKeptMs)
  return customer.push({})
}
const running = { reason: 'idempotency_running', retryAfterMs: inFlightRetryMs, earlier: { requestId: 'req_1', costNanos: null } }
const endedAt = (costNanos: number) => ({
  reason: 'idempotency_ended',
  retryAfterMs: null,
  earlier: { requestId: 'req_1', costNanos },
})

describe.each([false, true])('the same key and body again, evicted before: %s', (isEvicted) => {
  test.each<[string, object, ((customer: Customer) => Promise<unknown>)[]]>([
    ['while the first runs', running, []],
    ['while the first runs and renews', running, [(customer) => customer.renew('req_1', 5, keyed)]],
    ['when the first was charged', endedAt(40), [settle(40)]],
    ['when the first was charged for part of an answer', endedAt(40), [settle(40, { status: 499, end: 'client_left' })]],
    ['when the first was answered and cost nothing', endedAt(0), [settle(0)]],
    ['when Postgres has confirmed the first', endedAt(40), [settle(40), (customer) => customer.confirmAll()]],
    ['when the first expired with a report', endedAt(25), [(customer) => customer.renew('req_1', 25, keyed), expire]],
    ['when its truth came after its expiry', endedAt(40), [expire, settle(40)]],
  ])('is refused %s', async (name, refusal, steps) => {
    const customer = await first(name, isEvicted, ...steps)
    expect(await customer.admit('req_2', keyed)).toMatchObject({ outcome: 'refused', room: null, ...refusal })
    expect(await customer.admit('req_2', otherBody)).toMatchObject({
      reason: 'idempotency_key_reused',
      retryAfterMs: null,
      earlier: { requestId: 'req_1' },
    })
    expect(await customer.verdict('req_2', otherKey)).toBe('admitted')
    expect(await customer.verdict('req_3')).toBe('admitted')
  })

  test.each<[string, ((customer: Customer) => Promise<unknown>)[]]>([
    ['when the first failed uncharged', [settle(0, failed)]],
    ['when the first was released', [(customer) => customer.ledger.release({ requestId: 'req_1' })]],
    ['when the first expired and nothing was charged', [expire]],
    ['when the first expired with a report of nothing', [(customer) => customer.renew('req_1', 0, keyed), expire]],
    ['when the truth after its expiry was free', [(customer) => customer.renew('req_1', 25, keyed), expire, settle(0, failed)]],
    ['a day after the first ended', [settle(40), passDay]],
  ])('runs %s', async (name, steps) => {
    const customer = await first(name, isEvicted, ...steps)
    expect(await customer.verdict('req_2', otherBody)).toBe('admitted')
    expect(await customer.admit('req_3', otherBody)).toMatchObject({ reason: 'idempotency_running', earlier: { requestId: 'req_2' } })
    await customer.settle('req_2', 30, otherBody)
    if (isEvicted) await customer.evict()
    expect(await customer.admit('req_3', otherBody)).toMatchObject({
      reason: 'idempotency_ended',
      earlier: { requestId: 'req_2', costNanos: 30 },
    })
  })
})

test('a key is taken until its day has passed', async ({ expect }) => {
  const customer = await first('a whole day', false, settle(40))
  passTime(idempotencyKeptMs - 1)
  await customer.known()
  expect(await customer.verdict('req_2', keyed)).toBe('idempotency_ended')
  passTime(1)
  expect(await customer.verdict('req_2', keyed)).toBe('admitted')
})

test('of a hundred requests at once with one key exactly one runs', async ({ expect }) => {
  const customer = await new Customer('org_idempotency_parallel', { balanceNanos: 100_000 }).known()
  const verdicts = await Promise.all(Array.from({ length: 100 }, (_, index) => customer.verdict(`req_${index}`, keyed)))
  expect(verdicts.toSorted()).toEqual(['admitted', ...Array.from({ length: 99 }, () => 'idempotency_running')])
  expect((await customer.sums()).heldNanos).toBe(100)
})

test('the same request asked for again is no second use of its key', async ({ expect }) => {
  const customer = await first('replay', false)
  expect(await customer.verdict('req_1', keyed)).toBe('admitted')
  expect(await customer.verdict('req_1', { ...keyed, holdNanos: 101 })).toBe('request_reused')
  await customer.settle('req_1', 40, keyed)
  expect(await customer.verdict('req_1', keyed)).toBe('request_reused')
  expect((await customer.sums()).unconfirmedNanos).toBe(-40)
})

test('a refused key counts in no limit, and is not remembered', async ({ expect }) => {
  const customer = await new Customer('org_idempotency_uncounted', { limits: { requestsPerMinute: 2, requestsPerDay: 2 } }).known()
  await customer.admit('req_1', keyed)
  for (const id of ['req_2', 'req_3', 'req_4']) expect(await customer.verdict(id, keyed)).toBe('idempotency_running')
  expect(await customer.verdict('req_5', otherKey)).toBe('admitted')
  expect(await customer.verdict('req_6', { idempotency: { keyHash: 'key c', bodyHash: 'body' } })).toBe('requests_per_day')
  await passDay(customer)
  expect(await customer.verdict('req_7', { idempotency: { keyHash: 'key c', bodyHash: 'body' } })).toBe('admitted')
})

test('who may not ask at all learns nothing about a key', async ({ expect }) => {
  const customer = await first('stranger', false)
  expect(await customer.verdict('req_2', { ...keyed, keyId: 'key_2', snapshot: customer.account })).toBe('key_unknown')
})

test('a machine lost at once after the answer has not forgotten who took a key', async ({ expect }) => {
  const customer = await new Customer('org_idempotency_lost').known()
  await customer.inside((ledger) => ledger.admit(reference('req_1', keyed)).outcome)
  await customer.crash()
  expect(await customer.verdict('req_2', keyed)).toBe('idempotency_running')
})

test('a key given anew is taken although the machine was lost before it wrote that the first had freed it', async ({ expect }) => {
  const customer = await new Customer('org_idempotency_two').known()
  await customer.admit('req_1', keyed)
  await customer.inside((ledger) => {
    ledger.settle({ settlements: [{ ...reference('req_1', keyed), settlement: settlement(0, failed) }] }).catch(() => undefined)
    return ledger.admit(reference('req_2', keyed)).outcome
  })
  await customer.crash()
  for (const id of ['req_2', 'req_1']) await customer.verdict(id, keyed)
  await customer.settle('req_1', 0, keyed, failed)
  expect(await customer.admit('req_3', keyed)).toMatchObject({ reason: 'idempotency_running', earlier: { requestId: 'req_2' } })
  await customer.settle('req_2', 40, keyed)
  expect(await customer.verdict('req_3', keyed)).toBe('idempotency_ended')
})

test('a hold with a key wakes its object, though nothing else is to be written', async ({ expect }) => {
  const customer = await first('wakes', false)
  passTime(60_000)
  expect(await customer.ring()).toBe(true)
})

describe('rows', () => {
  async function countRows(customer: Customer): Promise<{ sql: number }> {
    const counted = { sql: 0 }
    await customer.inside((_, { storage }) =>
      watchWrites(
        storage,
        (cursor) => {
          counted.sql += cursor.rowsWritten
        },
        () => undefined,
      ),
    )
    return counted
  }
  const play = async (customer: Customer, index: number, facts: Partial<Settlement> = {}, costNanos = 1) => {
    const terms = { idempotency: { keyHash: `key ${index}`, bodyHash: 'body' } }
    await customer.admit(`req_${index}`, terms)
    await customer.settle(`req_${index}`, costNanos, terms, facts)
    await customer.confirmAll()
  }

  test('a request with a key writes four, one that leaves its key free three', async ({ expect }) => {
    const customer = await new Customer('org_idempotency_rows').known()
    const counted = await countRows(customer)
    for (let index = 0; index < 5; index++) await play(customer, index)
    expect(counted.sql).toBe(20)
    for (let index = 5; index < 10; index++) await play(customer, index, failed, 0)
    expect(counted.sql).toBe(35)
  })

  test('ten requests with keys, settled and confirmed together, write two each and two in all', async ({ expect }) => {
    const customer = await new Customer('org_idempotency_batch', { balanceNanos: 10_000 }).known()
    const counted = await countRows(customer)
    const all = Array.from({ length: 10 }, (_, index) =>
      reference(`req_${index}`, { idempotency: { keyHash: `key ${index}`, bodyHash: 'body' } }),
    )
    await customer.inside(async (ledger) => {
      for (const one of all) ledger.admit(one)
      await ledger.settle({ settlements: all.map((one) => ({ ...one, settlement: settlement(1) })) })
    })
    await customer.confirmAll()
    expect(counted.sql).toBe(22)
  })

  test('of keys that are too old are overwritten, and deleted by the next life', async ({ expect }) => {
    const customer = await new Customer('org_idempotency_old').known()
    for (let index = 0; index < 10; index++) await play(customer, index)
    await passDay(customer)
    const counted = await countRows(customer)
    for (let index = 10; index < 15; index++) await play(customer, index)
    expect(counted.sql).toBe(20)
    const slots = (await customer.rows()).map(({ slot }) => slot)
    expect(Math.max(...slots)).toBeLessThanOrEqual(14)
    await customer.evict()
    expect((await customer.kinds()).filter((kind) => kind === 'idempotency')).toHaveLength(5)
    expect(await customer.verdict('req_x', { idempotency: { keyHash: 'key 12', bodyHash: 'body' } })).toBe('idempotency_ended')
  })
})

test('beyond their number the oldest keys are forgotten', ({ expect }) => {
  const book = new IdempotencyBook()
  const use = (index: number): Idempotency => ({ keyHash: `key ${index}`, bodyHash: 'body' })
  for (let index = 0; index < idempotencyKeysKept; index++) book.end(use(index), `req_${index}`, settlement(1), 0)
  expect(book.dropOld(0)).toEqual([])
  book.end(use(0), 'req_again', settlement(1), 1)
  book.end(use(idempotencyKeysKept), 'req_last', settlement(1), 1)
  expect(book.dropOld(1)).toEqual(['key 1'])
  expect(book.taken(use(1), 1)).toBeNull()
  expect(book.taken(use(0), 1)).toMatchObject({ earlier: { requestId: 'req_again' } })
})
