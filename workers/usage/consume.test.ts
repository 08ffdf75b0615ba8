import { gzipSync } from 'node:zlib'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openNodeDb } from '#db/node-client.ts'
import { postEntry } from '#db/queries/post-entry.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import { reconcile } from '#db/queries/reconcile.ts'
import { changeOrganizationAccount } from '#db/queries/set-organization-account.ts'
import { parkedEvents } from '#db/schema/index.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { adjustmentEvent, newCredential, newCustomer, settlementEvent, usedEvent } from '#db/testing/usage-events.ts'
import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type { AppliedNotice } from '#shared/contracts/ledger.ts'
import { eventIdOf } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import type { WebhookQueue } from '#workers/services/events/nudge-webhooks.ts'
import { consume, type QueueMessage } from './consume.ts'
import type { LedgerNamespace } from './env.ts'

let database: TestDatabase
/** Whom the webhooks Worker was told of, and whether its queue can be reached. */
let nudges: string[][] = []
let isQueueAway = false
const webhooks: WebhookQueue = {
  send: async ({ organizationIds }) => {
    if (isQueueAway) throw new Error('the queue is away')
    nudges.push(organizationIds)
  },
}
beforeEach(() => {
  nudges = []
  isQueueAway = false
})
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

/** The far side: remembers what it was told, and can be away. */
class ScriptedLedger implements LedgerNamespace<'applied' | 'refresh'> {
  readonly heard = new Map<string, AppliedNotice[]>()
  readonly pushed: AccountSnapshot[] = []
  takesSnapshots = true
  readonly away = new Set<string>()

  getByName(organizationId: string) {
    return {
      applied: async (notice: AppliedNotice) => {
        if (this.away.has(organizationId)) throw new Error('object is away')
        this.heard.set(organizationId, [...(this.heard.get(organizationId) ?? []), notice])
      },
      refresh: async ({ snapshot }: { snapshot: AccountSnapshot }) => {
        if (!this.takesSnapshots) throw new Error('object takes no snapshot')
        this.pushed.push(snapshot)
      },
    }
  }
}

/** A message as the ledger packs it, whatever the value is worth. */
function messageOf(value: unknown, attempts = 1) {
  return rawMessage(gzipSync(JSON.stringify(value)), attempts)
}

function rawMessage(body: unknown, attempts = 1) {
  return { body, attempts, ack: vi.fn<QueueMessage['ack']>(), retry: vi.fn<QueueMessage['retry']>() }
}

const parkedOf = (eventId: string) => database.db.select().from(parkedEvents).where(eq(parkedEvents.eventId, eventId))
const balanceOf = async (organizationId: string) => (await readOrganization(database.db, organizationId))?.balanceNanos

function platform() {
  return { db: database.db, ledger: new ScriptedLedger() }
}

describe('a batch of messages', () => {
  test('is recorded in one transaction, confirmed once to each customer, and then acknowledged', async () => {
    const { db, ledger } = platform()
    const [first, second] = [await newCustomer(db), await newCustomer(db)]
    const [a, b, c] = [settlementEvent({ costNanos: 1 }), settlementEvent({ costNanos: 20 }), settlementEvent({ costNanos: 300 })]
    const messages = [
      messageOf({ organizationId: first, events: [a] }),
      messageOf({ organizationId: second, events: [b] }),
      messageOf({ organizationId: first, events: [c, a] }),
    ]
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({
      messages: 3,
      events: 4,
      recorded: 3,
      parked: 0,
      retried: 0,
      error: null,
    })
    expect(ledger.heard.get(first)).toEqual([{ eventIds: [a, c, a].map(eventIdOf), balanceNanos: -301, version: 2 }])
    expect(ledger.heard.get(second)).toEqual([{ eventIds: [eventIdOf(b)], balanceNanos: -20, version: 2 }])
    for (const message of messages) expect(message.ack).toHaveBeenCalledOnce()
  })

  test('says how many balances ran low or out, also when Postgres refuses a part of it', async () => {
    const { db, ledger } = platform()
    const [organizationId, other] = [await newCustomer(db), await newCustomer(db)]
    const opening = { amountNanos: 50_000_000, kind: 'credit', reason: null } as const
    for (const id of [organizationId, other]) await postEntry(db, { ...opening, organizationId: id, eventId: newId('crd') })
    await changeOrganizationAccount(db, organizationId, { lowBalanceNanos: 30_000_000 })
    const [low, out] = [settlementEvent({ costNanos: 30_000_000 }), settlementEvent({ costNanos: 20_000_000 })]
    const messages = [
      messageOf({ organizationId, events: [low, settlementEvent({ model: 'nul \0' }), out] }),
      messageOf({ organizationId: other, events: [settlementEvent({ costNanos: 1 })] }),
    ]
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({ recorded: 3, raised: 2, parked: 1 })
    expect(nudges).toEqual([[organizationId]])
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({ recorded: 0, raised: 0, parked: 1 })
    expect(nudges).toHaveLength(1)
  })

  test('delivered again is confirmed again and changes nothing', async () => {
    const { db, ledger } = platform()
    const organizationId = await newCustomer(db)
    const body = { organizationId, events: [settlementEvent({ costNanos: 7 })] }
    await consume({ db, ledger, webhooks }, [messageOf(body)])
    expect(await consume({ db, ledger, webhooks }, [messageOf(body)])).toMatchObject({ events: 1, recorded: 0 })
    expect(ledger.heard.get(organizationId)?.[1]).toEqual(ledger.heard.get(organizationId)?.[0])
    expect(await reconcile(db, organizationId)).toEqual([])
  })

  test('comes again only for the customer whose object did not hear', async () => {
    const { db, ledger } = platform()
    const [near, far] = [await newCustomer(db), await newCustomer(db)]
    ledger.away.add(far)
    const [heard, unheard] = [near, far].map((organizationId) =>
      messageOf({ organizationId, events: [settlementEvent({ costNanos: 5 })] }, 3),
    )
    expect(
      await consume(
        { db, ledger, webhooks },
        [heard, unheard].flatMap((message) => message ?? []),
      ),
    ).toMatchObject({ retried: 1, recorded: 2 })
    expect(heard?.ack).toHaveBeenCalledOnce()
    expect(unheard?.ack).not.toHaveBeenCalled()
    expect(unheard?.retry).toHaveBeenCalledWith({ delaySeconds: expect.toSatisfy((seconds: number) => seconds >= 4 && seconds <= 8) })
    expect(await balanceOf(far)).toBe(-5)
  })

  test('is delivered again, whole, when Postgres cannot be reached', async () => {
    const { ledger } = platform()
    const { db, close } = openNodeDb('postgres://postgres@127.0.0.1:1/postgres')
    const organizationId = await newCustomer(database.db)
    const messages = [messageOf({ organizationId, events: [settlementEvent()] }), rawMessage('no bytes')]
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({ retried: 2, recorded: 0, error: expect.any(String) })
    for (const message of messages) {
      expect(message.ack).not.toHaveBeenCalled()
      expect(message.retry).toHaveBeenCalledOnce()
    }
    expect(ledger.heard.size).toBe(0)
    await close()
  })
})

describe('a paused credential', () => {
  async function refused() {
    const { db, ledger } = platform()
    const organizationId = await newCustomer(db)
    const credentialId = await newCredential(db, organizationId)
    const refusal = () => messageOf({ organizationId, events: [usedEvent([[credentialId, 'unauthorized']])] })
    const idle = messageOf({ organizationId: await newCustomer(db), events: [settlementEvent()] })
    return { db, ledger, organizationId, messages: [refusal(), refusal(), refusal(), idle] }
  }

  test('is told to the object of its customer, and of no other, by the account as it is then', async () => {
    const { db, ledger, organizationId, messages } = await refused()
    expect(await consume({ db, ledger, webhooks }, messages.slice(0, 2))).toMatchObject({ paused: 0 })
    expect(ledger.pushed).toEqual([])
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({ recorded: 2, paused: 1, retried: 0 })
    expect(ledger.pushed).toMatchObject([{ organizationId, credentialsVersion: 1 }])
    expect(nudges).toEqual([[organizationId]])
    expect(ledger.heard.get(organizationId)?.at(-1)?.version).toBe(ledger.pushed[0]?.version)
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({ recorded: 0, paused: 0 })
    expect(ledger.pushed).toHaveLength(1)
    expect(await reconcile(db, organizationId)).toEqual([])
  })

  test('whose object takes no snapshot, and of which the webhooks Worker does not hear, holds no message back', async () => {
    const told = vi.spyOn(console, 'error').mockReturnValue(undefined)
    const { db, ledger, organizationId, messages } = await refused()
    ledger.takesSnapshots = false
    isQueueAway = true
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({ paused: 1, retried: 0, error: null })
    for (const message of messages) expect(message.ack).toHaveBeenCalledOnce()
    const logged = told.mock.calls.map(([line]) => String(line)).sort()
    expect(logged).toEqual([expect.stringContaining(organizationId), expect.stringContaining('webhooks_not_nudged')])
    told.mockRestore()
  })
})

test('a fault of Postgres is no fault of the events: nothing is parked, all comes again', async () => {
  const { ledger } = platform()
  const organizationId = await newCustomer(database.db)
  const event = settlementEvent()
  const impatient = openNodeDb(`${database.databaseUrl}?options=-c%20lock_timeout%3D20`)
  const other = await database.pool.connect()
  await other.query('begin')
  await other.query('select 1 from organizations where id = $1 for update', [organizationId])
  const message = messageOf({ organizationId, events: [event] })
  expect(await consume({ db: impatient.db, ledger, webhooks }, [message])).toMatchObject({ parked: 0, retried: 1, error: '55P03' })
  await other.query('rollback')
  other.release()
  await impatient.close()
  expect(message.ack).not.toHaveBeenCalled()
  expect(await parkedOf(eventIdOf(event))).toEqual([])
})

describe('poison', () => {
  test('among a hundred messages is parked; all else is recorded and confirmed', async () => {
    const { db, ledger } = platform()
    const organizationId = await newCustomer(db)
    const poison = settlementEvent({ model: 'nul \0 and half \ud800', costNanos: 1_000_000 })
    const bodies = Array.from({ length: 100 }, (_, index) => ({
      organizationId,
      events: [settlementEvent({ costNanos: 1 }), ...(index === 41 ? [poison] : []), settlementEvent({ costNanos: 1 })],
    }))
    const messages = bodies.map((body) => messageOf(body))
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({ events: 201, recorded: 200, parked: 1, retried: 0 })
    expect(await balanceOf(organizationId)).toBe(-200)
    expect(await parkedOf(eventIdOf(poison))).toMatchObject([{ reason: expect.stringMatching(/^SQLSTATE 22/), body: { organizationId } }])
    const [notice] = ledger.heard.get(organizationId) ?? []
    expect(notice?.balanceNanos).toBe(-200)
    expect(notice?.eventIds).toHaveLength(200)
    expect(notice?.eventIds).not.toContain(eventIdOf(poison))
    for (const message of messages) expect(message.ack).toHaveBeenCalledOnce()

    const again = messageOf(bodies[41])
    expect(await consume({ db, ledger, webhooks }, [again])).toMatchObject({ recorded: 0, parked: 1, retried: 0 })
    expect(again.ack).toHaveBeenCalledOnce()
    expect(await parkedOf(eventIdOf(poison))).toHaveLength(1)
    expect(await reconcile(db, organizationId)).toEqual([])
  })

  test('that does not parse is parked without its content, and its neighbours in the message are recorded', async () => {
    const { db, ledger } = platform()
    const organizationId = await newCustomer(db)
    const [good, bad] = [settlementEvent({ costNanos: 9 }), settlementEvent()]
    const broken = { ...bad, settlement: { ...bad.settlement, costNanos: 'canary-7f3a' } }
    const messages = [messageOf({ organizationId, events: [broken, good] }), rawMessage(gzipSync('{"canary-7f3a"')), messageOf(null)]
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({ events: 1, recorded: 1, parked: 3, retried: 0 })
    expect(await parkedOf(eventIdOf(bad))).toMatchObject([{ body: { organizationId, issues: [{ path: 'settlement.costNanos' }] } }])
    expect(JSON.stringify(await db.select().from(parkedEvents))).not.toContain('canary-7f3a')
    expect(ledger.heard.get(organizationId)?.[0]?.eventIds).toEqual([eventIdOf(good)])
  })

  test('is a cost below zero, whatever its amount says', async () => {
    const { db, ledger } = platform()
    const organizationId = await newCustomer(db)
    const event = settlementEvent({ costNanos: 9 })
    const negative = { ...event, settlement: { ...event.settlement, costNanos: -9 } }
    expect(await consume({ db, ledger, webhooks }, [messageOf({ organizationId, events: [negative] })])).toMatchObject({
      recorded: 0,
      parked: 1,
    })
    expect(await parkedOf(eventIdOf(event))).toMatchObject([{ body: { issues: [{ path: 'settlement.costNanos' }] } }])
    expect(await balanceOf(organizationId)).toBe(0)
  })

  test('for a customer that does not exist, or with a charge that would credit, is parked', async () => {
    const { db, ledger } = platform()
    const [stranger, organizationId] = [newId('org'), await newCustomer(db)]
    const [homeless, reversed] = [settlementEvent(), { ...settlementEvent(), amountNanos: 1_000 }]
    const messages = [messageOf({ organizationId: stranger, events: [homeless] }), messageOf({ organizationId, events: [reversed] })]
    expect(await consume({ db, ledger, webhooks }, messages)).toMatchObject({ recorded: 0, parked: 2, retried: 0 })
    expect(await parkedOf(eventIdOf(homeless))).toMatchObject([{ reason: 'organization unknown' }])
    expect(await parkedOf(eventIdOf(reversed))).toMatchObject([{ reason: 'SQLSTATE 23514 ledger_entries_sign' }])
    expect(ledger.heard.size).toBe(0)
  })
})

test('a missing month is made while it is near; an event from another time is parked', async () => {
  const { db, ledger } = platform()
  const organizationId = await newCustomer(db)
  const lastMonthMs = Date.now() - 32 * 86_400_000
  const far = settlementEvent({ settledAtMs: Number.MAX_SAFE_INTEGER, startedAtMs: Date.now() })
  const requestId = newId('req')
  const events = [
    settlementEvent({ requestId, costNanos: 40, settledAtMs: lastMonthMs }),
    far,
    adjustmentEvent({ requestId, costNanos: 50, amountNanos: -10, settledAtMs: lastMonthMs + 60_000, startedAtMs: lastMonthMs - 800 }),
  ]
  expect(await consume({ db, ledger, webhooks }, [messageOf({ organizationId, events })])).toMatchObject({
    recorded: 2,
    parked: 1,
    retried: 0,
  })
  expect(await parkedOf(eventIdOf(far))).toHaveLength(1)
  expect(await balanceOf(organizationId)).toBe(-50)
  expect(await reconcile(db, organizationId)).toEqual([])
})
