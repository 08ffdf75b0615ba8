import { beforeEach, test } from 'vitest'
import { eventIdOf, UsageBatch, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { unpackUsageMessage } from '#shared/contracts/usage-message.ts'
import { dispatchDelayMs, messageBytes, messageEvents, windowsWriteMs } from './limits.ts'
import { Outbox } from './outbox.ts'
import { Position } from './position.ts'
import { Customer, facts, flushed, passTime, reference, resendAfterMs, settlement, stopClock, tapQueue } from './testing/customer.ts'
import { watchWrites } from './testing/watch-writes.ts'
import { unconfirmedOf } from './unconfirmed.ts'

beforeEach(() => stopClock())

/** A queue message may have 128 KB; the platform counts a kilobyte as a thousand. */
const platformMessageBytes = 128_000

/** Counts rows written from now on, as the platform bills them: by SQL, and one for each alarm set. */
async function countRows(customer: Customer): Promise<{ sql: number; alarms: number }> {
  const counted = { sql: 0, alarms: 0 }
  await customer.inside((_, { storage }) =>
    watchWrites(
      storage,
      (cursor) => {
        counted.sql += cursor.rowsWritten
      },
      () => {
        counted.alarms += 1
      },
    ),
  )
  return counted
}

test('a short request writes two rows', async ({ expect }) => {
  const customer = await new Customer('org_rows_short').known()
  const counted = await countRows(customer)
  for (let index = 0; index < 10; index++) {
    await customer.admit(`req_${index}`)
    await customer.settle(`req_${index}`, 10)
    await customer.confirmAll()
  }
  expect(counted).toEqual({ sql: 20, alarms: 1 })
})

test('a request that outlives a flush writes three rows', async ({ expect }) => {
  const customer = await new Customer('org_rows_long').known()
  const counted = await countRows(customer)
  for (let index = 0; index < 5; index++) {
    await customer.admit(`req_${index}`)
    await flushed()
    await customer.settle(`req_${index}`, 10)
    await customer.confirmAll()
  }
  expect(counted).toEqual({ sql: 15, alarms: 1 })
})

test('requests settled and confirmed together write two rows in all', async ({ expect }) => {
  const customer = await new Customer('org_rows_batch', { balanceNanos: 100_000 }).known()
  const counted = await countRows(customer)
  const ids = Array.from({ length: 50 }, (_, index) => `req_${index}`)
  await customer.inside(async (ledger) => {
    for (const id of ids) ledger.admit(reference(id))
    await Promise.all(ids.map((id) => ledger.settle({ settlements: [{ ...reference(id), settlement: settlement(10) }] })))
  })
  await customer.confirmAll()
  expect(counted).toEqual({ sql: 2, alarms: 1 })
})

test('long requests settled together write two rows each and one in all', async ({ expect }) => {
  const customer = await new Customer('org_rows_long_batch', { balanceNanos: 100_000 }).known()
  const counted = await countRows(customer)
  const ids = Array.from({ length: 50 }, (_, index) => `req_${index}`)
  await customer.inside((ledger) => ids.map((id) => ledger.admit(reference(id)).outcome))
  await flushed()
  await customer.inside((ledger) =>
    Promise.all(ids.map((id) => ledger.settle({ settlements: [{ ...reference(id), settlement: settlement(10) }] }))),
  )
  await customer.confirmAll()
  expect(counted).toEqual({ sql: 101, alarms: 1 })
})

test('a renewal writes one row, a release one more', async ({ expect }) => {
  const customer = await new Customer('org_rows_release').known()
  await customer.admit('req_1')
  await flushed()
  const counted = await countRows(customer)
  await customer.inside((ledger) => {
    for (const costNanos of [1, 2]) ledger.renew({ ...reference('req_1'), report: settlement(costNanos) })
  })
  await flushed()
  expect(counted.sql).toBe(1)
  await customer.ledger.release({ requestId: 'req_1' })
  await flushed()
  expect(counted.sql).toBe(2)
  expect(await customer.kinds()).toEqual([])
})

test('an orphan writes six rows from its admission to the confirmation of its truth', async ({ expect }) => {
  const customer = await new Customer('org_rows_orphan').known()
  const counted = await countRows(customer)
  await customer.admit('req_1')
  await flushed()
  passTime(60_000)
  await customer.ring()
  await customer.confirmAll()
  await customer.settle('req_1', 10)
  await customer.confirmAll()
  expect(counted.sql).toBe(6)
})

test('rate windows cost one row in the time between two writes of them', async ({ expect }) => {
  const customer = await new Customer('org_rows_windows', { limits: { requestsPerMinute: 100 } }).known()
  const counted = await countRows(customer)
  for (const id of ['req_1', 'req_2', 'req_3', 'req_4']) {
    await customer.admit(id)
    await customer.settle(id, 1)
    await customer.confirmAll()
    if (id !== 'req_3') continue
    expect(counted.sql).toBe(7)
    passTime(windowsWriteMs)
  }
  expect(counted.sql).toBe(10)
})

test('rows are recycled: the journal does not grow with the number of requests', async ({ expect }) => {
  const customer = await new Customer('org_recycled').known()
  for (let index = 0; index < 30; index++) {
    await customer.admit(`req_${index}`)
    await customer.settle(`req_${index}`, 1)
    await customer.confirmAll()
  }
  const slots = (await customer.rows()).map(({ slot }) => slot)
  expect(slots.length).toBeLessThanOrEqual(2)
  expect(Math.max(...slots)).toBeLessThanOrEqual(3)
})

test('a settled event reaches the queue soon, and again when nobody confirms it', async ({ expect }) => {
  const customer = await new Customer('org_resend').known()
  const messages = await tapQueue(customer)
  await customer.admit('req_1')
  await customer.settle('req_1', 10)
  await scheduler.wait(dispatchDelayMs + 300)
  expect(messages).toHaveLength(1)
  expect(messages[0]).toMatchObject({ organizationId: 'org_resend', events: [{ amountNanos: -10 }] })
  passTime(resendAfterMs - 1)
  await customer.ring()
  expect(messages).toHaveLength(1)
  passTime(1)
  await customer.ring()
  expect(messages).toHaveLength(2)
  await customer.confirmAll()
  passTime(resendAfterMs)
  await customer.ring()
  expect(messages).toHaveLength(2)
})

test('an event not yet sent when the machine dies is sent by the next life', async ({ expect }) => {
  const customer = await new Customer('org_unsent').known()
  await customer.admit('req_1')
  await customer.settle('req_1', 10)
  await customer.crash()
  const messages = await tapQueue(customer)
  expect(await customer.ring()).toBe(true)
  expect(messages.flatMap(({ events }) => events.map(eventIdOf))).toEqual(['req_1:settlement'])
})

test('a queue that refuses keeps events due, and the alarm rings again', async ({ expect }) => {
  const customer = await new Customer('org_queue_down').known()
  let isDown = true
  const sent: UsageBatch[] = []
  await customer.inside((instance) => {
    const { USAGE_QUEUE } = Reflect.get(instance, 'env') as { USAGE_QUEUE: Queue<Uint8Array> }
    const send = async (message: Uint8Array) => {
      if (isDown) throw new Error('queue is down')
      const batch = UsageBatch.parse(await unpackUsageMessage(message))
      if (batch.organizationId === customer.organizationId) sent.push(batch)
    }
    Object.defineProperty(USAGE_QUEUE, 'send', { value: send, configurable: true })
  })
  await customer.admit('req_1')
  await customer.settle('req_1', 10)
  expect(await customer.ring()).toBe(true)
  expect(await customer.ring()).toBe(true)
  isDown = false
  await customer.ring()
  expect(sent).toHaveLength(1)
})

function settledPosition(count: number, userAgent: string): Position {
  const position = new Position()
  for (let index = 0; index < count; index++) {
    settleInto(position, `req_${index}`, userAgent)
  }
  return position
}

function settleInto(position: Position, requestId: string, userAgent: string): void {
  const event: UsageEvent = {
    kind: 'settlement',
    amountNanos: -1,
    settledAtMs: 1,
    request: facts(requestId, { userAgent }),
    settlement: settlement(1),
  }
  position.addUnconfirmed(eventIdOf(event), { ...unconfirmedOf(event), isWritten: true })
}

for (const [script, userAgent] of [
  ['ASCII', 'x'.repeat(256)],
  ['any script', '語'.repeat(256)],
  ['astral characters', '🚀'.repeat(128)],
] as const) {
  test(`the outbox packs every event once into messages of several hundred under 128 KB, names in ${script}`, async ({ expect }) => {
    const messages: Uint8Array[] = []
    const usageQueue = { send: async (message: Uint8Array) => void messages.push(message) } as unknown as Queue<Uint8Array>
    await new Outbox(settledPosition(1_000, userAgent), { usageQueue, resendAfterMs }).dispatch('org_packed', 1)
    for (const message of messages) expect(message.length).toBeLessThan(platformMessageBytes)
    const values = await Promise.all(messages.map(unpackUsageMessage))
    const events = values.flatMap((value) => UsageBatch.parse(value).events)
    expect(new Set(events.map(eventIdOf)).size).toBe(1_000)
    expect(events).toHaveLength(1_000)
    expect(events[0]?.request.userAgent).toBe(userAgent)
    expect(messages).toHaveLength(1_000 / messageEvents)
  })
}

test('events that do not compress are sent in more messages, still under 128 KB', async ({ expect }) => {
  const position = settledPosition(0, '')
  for (let index = 0; index < messageEvents; index++) {
    const noise = crypto.getRandomValues(new Uint8Array(400)).reduce((text, byte) => text + String.fromCharCode(32 + (byte % 95)), '')
    settleInto(position, `req_${index}`, noise)
  }
  const sizes: number[] = []
  const usageQueue = { send: async (message: Uint8Array) => void sizes.push(message.length) } as unknown as Queue<Uint8Array>
  await new Outbox(position, { usageQueue, resendAfterMs }).dispatch('org_noise', 1)
  expect(sizes.length).toBeGreaterThan(1)
  for (const size of sizes) expect(size).toBeLessThan(platformMessageBytes)
})

test('an event that is not on disk yet does not leave', async ({ expect }) => {
  const position = settledPosition(1, 'test')
  for (const entry of position.unconfirmed.values()) entry.isWritten = false
  let sent = 0
  const usageQueue = { send: async () => void sent++ } as unknown as Queue<Uint8Array>
  await new Outbox(position, { usageQueue, resendAfterMs }).dispatch('org_unwritten', 1)
  expect(sent).toBe(0)
  expect(messageBytes).toBeLessThan(platformMessageBytes)
})
