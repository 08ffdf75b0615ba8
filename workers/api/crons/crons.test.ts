import { eq, inArray, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Transact } from '#db/client.ts'
import { nodeTransact } from '#db/node-client.ts'
import { ensurePartitions } from '#db/queries/ensure-partitions.ts'
import { insertSecret } from '#db/queries/insert-secret.ts'
import {
  customerEvents,
  idempotencyKeys,
  invitations,
  ledgerPushes,
  mailOutbox,
  mailTokens,
  organizations,
  requestLogs,
  secrets,
  sessions,
  signingKeys,
  spendAlerts,
  usageDaily,
  users,
} from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import { changeAccount } from '#workers/services/ledger/change-account.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import { signingKeys as currentSigningKeys } from '../signing/signing-keys.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'
import { cleanUp } from './clean-up.ts'
import { handOverDueMails } from './hand-over-mails.ts'
import { pushChanges } from './push-changes.ts'
import { raiseAlerts } from './raise-alerts.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterAll(() => stage?.stop())
beforeEach(async () => {
  stage.mails.length = 0
  await stage.db.delete(mailOutbox)
  await stage.db.delete(spendAlerts)
})

const dayMs = 86_400_000
const daysAgo = (days: number) => new Date(Date.now() - days * dayMs)
/** The alerts of a time, and the mails that the next minute hands over. */
const raise = async (nowMs: number) => ({ ...(await raiseAlerts(stage.surroundings, nowMs)), ...(await handOver()) })
const handOver = () => handOverDueMails(stage.surroundings)
const makeMailsDue = () => stage.db.update(mailOutbox).set({ dueAt: daysAgo(1) })

/** Runs work several times at once while another transaction holds what a statement locks, until all of them wait for it. */
async function whileLocked<Value>(statement: string, times: number, work: () => Promise<Value>): Promise<Value[]> {
  const client = await stage.database.pool.connect()
  try {
    await client.query('begin')
    await client.query(statement)
    const working = Promise.all(Array.from({ length: times }, work))
    await vi.waitFor(
      async () => {
        const waiting = await stage.database.pool.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'")
        expect(waiting.rows).toHaveLength(times)
      },
      { timeout: 10_000, interval: 20 },
    )
    await client.query('commit')
    return await working
  } finally {
    client.release()
  }
}

describe('changes that nobody told the ledger object of', () => {
  const suspend = (organizationId: string) =>
    changeAccount(stage.surroundings, organizationId, async (tx) => {
      const changed = { status: 'suspended' as const, balanceVersion: sql`${organizations.balanceVersion} + 1` }
      await tx.update(organizations).set(changed).where(eq(organizations.id, organizationId))
    })
  const makeDue = () => stage.db.update(ledgerPushes).set({ dueAt: daysAgo(1) })
  const pushes = (organizationId: string) => stage.db.select().from(ledgerPushes).where(eq(ledgerPushes.organizationId, organizationId))
  const heard = (organizationId: string) => stage.ledger.pushed.filter((snapshot) => snapshot.organizationId === organizationId)

  test('are told by the cron, when the object answers again, and then are no longer there', async () => {
    const organizationId = await stage.organization([])
    stage.ledger.broken = true
    expect((await suspend(organizationId)).pushed).toBe(false)
    await makeDue()
    expect(await pushChanges(stage.surroundings)).toEqual({ pushed: 0, failed: 1 })
    stage.ledger.broken = false
    // It waits for its time, longer after each attempt.
    expect(await pushChanges(stage.surroundings)).toEqual({ pushed: 0, failed: 0 })
    expect(await pushes(organizationId)).toMatchObject([{ attempts: 1 }])
    await makeDue()
    expect(await pushChanges(stage.surroundings)).toEqual({ pushed: 1, failed: 0 })
    expect(heard(organizationId)).toMatchObject([{ status: 'suspended' }])
    expect(await pushes(organizationId)).toEqual([])
  })

  test('are told although their maker died right after the commit', async () => {
    const organizationId = await stage.organization([])
    const transact: Transact = async (work) => {
      await stage.surroundings.transact(work)
      throw new Error('killed')
    }
    const dying = changeAccount({ ...stage.surroundings, transact }, organizationId, async (tx) => {
      await tx.update(organizations).set({ balanceVersion: 7 }).where(eq(organizations.id, organizationId))
    })
    await expect(dying).rejects.toThrow('killed')
    expect(heard(organizationId)).toEqual([])
    await makeDue()
    await pushChanges(stage.surroundings)
    expect(heard(organizationId)).toMatchObject([{ version: 7 }])
  })
})

describe('a spend alert', () => {
  const noon = Date.UTC(2026, 9, 31, 12)
  let owner: TestPerson
  let billing: TestPerson
  beforeAll(async () => {
    ;[owner, billing] = await Promise.all([stage.person(), stage.person()])
  })

  /** An organization that has spent, per day, and its alerts. */
  async function spender(spent: Record<string, number>, alerts: ['day' | 'month', number][]) {
    const [developer, unverified] = await Promise.all([stage.person(), stage.person()])
    await stage.db.update(users).set({ emailVerifiedAt: null }).where(eq(users.id, unverified.userId))
    const organizationId = await stage.organization([
      [owner, 'owner'],
      [billing, 'billing_admin'],
      [developer, 'developer'],
      [unverified, 'owner'],
    ])
    for (const [day, costNanos] of Object.entries(spent)) await spend(organizationId, day, costNanos)
    const rows = alerts.map(([period, amountNanos]) => ({ id: newId('alr'), organizationId, period, amountNanos }))
    await stage.db.insert(spendAlerts).values(rows.map((row) => ({ ...row, createdAt: new Date(Date.UTC(2026, 8, 1)) })))
    return { organizationId, alertIds: rows.map(({ id }) => id) }
  }

  async function spend(organizationId: string, day: string, costNanos: number): Promise<void> {
    const none = { requests: 1, inputTokens: 0, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0, outputTokens: 0 }
    const row = { organizationId, keyId: newId('key'), model: 'gpt-x', day, ...none, reasoningTokens: 0, costNanos }
    await stage.db.insert(usageDaily).values(row)
  }

  const mailed = () =>
    stage.mails.flatMap((mail) => (mail.kind === 'spend_alert' ? [[mail.alertId, mail.userId, mail.period].join(' ')] : [])).sort()
  const expected = (alertId: string | undefined, period: string) =>
    [owner, billing].map(({ userId }) => [alertId, userId, period].join(' ')).sort()

  test('is raised at its sum, of its day or month alone, and told to owners and billing admins with an address of theirs', async () => {
    const spent = { '2026-09-30': 50, '2026-10-01': 60, '2026-10-31': 40, '2026-11-01': 999 }
    const { alertIds } = await spender(spent, [
      ['day', 40],
      ['day', 41],
      ['month', 100],
      ['month', 101],
    ])
    expect(await raise(noon)).toMatchObject({ raised: 2, queued: 4 })
    expect(mailed()).toEqual([...expected(alertIds[0], '2026-10-31'), ...expected(alertIds[2], '2026-10-01')].sort())
  })

  test('is raised once in a period, also by two crons at once, and again in the next', async () => {
    const { organizationId, alertIds } = await spender({ '2026-10-31': 40 }, [['day', 40]])
    // All have seen that it is due before the first may raise it.
    const both = await whileLocked('select 1 from spend_alerts for update', 3, () => raise(noon))
    expect(both.reduce((sum, { raised }) => sum + raised, 0)).toBe(1)
    await raise(noon + 3_600_000)
    expect(mailed()).toEqual(expected(alertIds[0], '2026-10-31'))
    stage.mails.length = 0
    await raise(noon + dayMs)
    expect(mailed()).toEqual([])
    await spend(organizationId, '2026-11-01', 40)
    await raise(noon + dayMs)
    expect(mailed()).toEqual(expected(alertIds[0], '2026-11-01'))
  })

  test('of a day or month that has just ended is still raised, for an hour, and for that period', async () => {
    const { organizationId, alertIds } = await spender({}, [
      ['day', 10],
      ['month', 10],
    ])
    const midnight = Date.UTC(2026, 10, 1)
    await raise(midnight - 60_000)
    await spend(organizationId, '2026-10-31', 10)
    await raise(midnight + 30 * 60_000)
    expect(mailed()).toEqual([...expected(alertIds[0], '2026-10-31'), ...expected(alertIds[1], '2026-10-01')].sort())
    const { alertIds: late } = await spender({ '2026-10-31': 10 }, [['day', 10]])
    await raise(midnight + 61 * 60_000)
    expect(mailed().filter((mail) => mail.startsWith(late[0] ?? '?'))).toEqual([])
  })

  test('that was made after a period ended says nothing of it', async () => {
    const { alertIds } = await spender({ '2026-10-31': 10 }, [['day', 10]])
    await stage.db
      .update(spendAlerts)
      .set({ createdAt: new Date(Date.UTC(2026, 10, 1, 0, 5)) })
      .where(inArray(spendAlerts.id, alertIds))
    await raise(Date.UTC(2026, 10, 1, 0, 10))
    expect(mailed()).toEqual([])
  })

  test('whose mails the queue does not take is mailed later, and not raised again', async () => {
    const { alertIds } = await spender({ '2026-10-31': 40 }, [['day', 40]])
    expect(await raiseAlerts(stage.surroundings, noon)).toEqual({ raised: 1, limited: 0, balances: 0 })
    const away = { db: stage.surroundings.db, mail: { send: () => Promise.reject(new Error('away')) } }
    expect(await handOverDueMails(away)).toEqual({ queued: 0 })
    expect(await raise(noon)).toEqual({ raised: 0, limited: 0, balances: 0, queued: 0 })
    await makeMailsDue()
    expect(await raise(noon)).toEqual({ raised: 0, limited: 0, balances: 0, queued: 2 })
    expect(mailed()).toEqual(expected(alertIds[0], '2026-10-31'))
    expect(await stage.db.select().from(mailOutbox)).toEqual([])
  })
})

test('a mail whose maker died with the commit is sent by the cron, once, and not before the maker had its time', async () => {
  const message = { kind: 'notice' as const, userId: newId('usr'), notice: 'password_changed' as const }
  // As it is when the Worker dies with the commit: nobody hands over.
  await nodeTransact(stage.db)((tx) => queueMail(tx, message))
  expect([await handOver(), stage.mails]).toEqual([{ queued: 0 }, []])
  await makeMailsDue()
  expect([await handOver(), await handOver()]).toEqual([{ queued: 1 }, { queued: 0 }])
  expect(stage.mails).toEqual([message])
})

test('mails that another run has in hand are left to it', async () => {
  await stage.db.insert(mailOutbox).values({ message: { kind: 'link', tokenId: 'mtk_x' } })
  await stage.db.transaction(async (tx) => {
    await tx.select().from(mailOutbox).for('update')
    expect(await raise(Date.now())).toMatchObject({ queued: 0 })
  })
  expect(await raise(Date.now())).toMatchObject({ queued: 1 })
})

test('an event of money is mailed once, to each who looks after it, and nobody of what they saw themselves', async () => {
  const owner = await stage.person()
  const organizationId = await stage.organization([
    [owner, 'owner'],
    [await stage.person(), 'viewer'],
  ])
  const topUp = { topUpId: 'top_x', amountNanos: 1, balanceNanos: 0, reason: 'declined', retryAt: null }
  const mailed = [
    { organizationId, type: 'balance.low' as const, data: { balanceNanos: 4, thresholdNanos: 5 } },
    { organizationId, type: 'refund.created' as const, data: { ...topUp, cause: 'refund' } },
    { organizationId, type: 'topup.failed' as const, data: { ...topUp, kind: 'automatic' } },
  ]
  const silent = [
    { organizationId, type: 'byok.invalid' as const, data: { credentialId: 'byk_x' } },
    { organizationId, type: 'topup.failed' as const, data: { ...topUp, kind: 'checkout' } },
    { organizationId, type: 'topup.succeeded' as const, data: { ...topUp, kind: 'automatic' } },
  ]
  const events = await stage.db.insert(customerEvents).values(mailed).returning({ id: customerEvents.id })
  await stage.db.insert(customerEvents).values(silent)
  await Promise.all([raise(Date.now()), raise(Date.now()), raise(Date.now())])
  const expected = events.map(({ id }) => ({ kind: 'balance', eventId: id, userId: owner.userId }))
  expect(stage.mails.sort((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)))).toEqual(expected)
})

test('what has served its time is deleted, and nothing that has not', async () => {
  const { db } = stage
  const person = await stage.person()
  const organizationId = await stage.organization([[person, 'owner']])
  const kept: string[] = []
  const name = (days: number, isKept: boolean) => {
    const id = `${isKept ? 'kept' : 'old'}_${days}_${newId('req').slice(-6)}`
    if (isKept) kept.push(id)
    return id
  }
  const key = (days: number, isKept: boolean) => ({
    scope: 's',
    key: name(days, isKept),
    operation: 'o',
    requestHash: 'h',
    createdAt: daysAgo(days),
  })
  await db.insert(idempotencyKeys).values([key(1.1, false), key(0.9, true)])
  const token = (days: number, isKept: boolean) => ({
    id: name(days, isKept),
    purpose: 'verify_email' as const,
    userId: person.userId,
    email: 'a@b.c',
    expiresAt: daysAgo(days),
  })
  await db.insert(mailTokens).values([token(31, false), token(29, true)])
  const session = (days: number, isKept: boolean, more: { revokedAt?: Date; expiresAt: Date }) => ({
    id: name(days, isKept),
    userId: person.userId,
    method: 'password' as const,
    secondFactor: false,
    ip: '',
    userAgent: '',
    ...more,
  })
  await db
    .insert(sessions)
    .values([
      session(91, false, { expiresAt: daysAgo(91) }),
      session(92, false, { revokedAt: daysAgo(92), expiresAt: daysAgo(80) }),
      session(89, true, { revokedAt: daysAgo(89), expiresAt: daysAgo(-1) }),
      session(-1, true, { expiresAt: daysAgo(-1) }),
    ])
  const invitation = (days: number, isKept: boolean) => ({
    id: name(days, isKept),
    organizationId,
    email: `${days}@b.c`,
    role: 'viewer' as const,
    invitedBy: 'x',
    expiresAt: daysAgo(days),
  })
  await db.insert(invitations).values([invitation(91, false), invitation(89, true)])
  const counts = await cleanUp(stage.surroundings.db)
  expect(counts).toMatchObject({ idempotency_keys: 1, mail_tokens: 1, sessions: 2, invitations: 1 })
  const left = [
    ...(await db.select({ id: idempotencyKeys.key }).from(idempotencyKeys)),
    ...(await db.select({ id: mailTokens.id }).from(mailTokens)),
    ...(await db.select({ id: sessions.id }).from(sessions).where(eq(sessions.userId, person.userId))),
    ...(await db.select({ id: invitations.id }).from(invitations)),
  ].map(({ id }) => id)
  expect(left.sort()).toEqual([...kept, person.sessionId].sort())
})

test('lines of the request log go when they are older than their customer keeps them, and stay where nobody said so', async () => {
  const { db } = stage
  const [organizationId, other] = [await stage.organization([]), await stage.organization([])]
  await db.update(organizations).set({ logRetentionDays: 10 }).where(eq(organizations.id, organizationId))
  await ensurePartitions(db, [daysAgo(40).getTime(), daysAgo(11).getTime(), Date.now()])
  const log = (days: number, of = organizationId) => ({
    requestId: `${days}_${of}`,
    organizationId: of,
    keyId: 'k',
    model: 'm',
    method: 'POST',
    path: '/',
    outcome: 'served',
    latencyMs: 1,
    clientIp: '',
    userAgent: '',
    createdAt: daysAgo(days),
  })
  await db.insert(requestLogs).values([log(40), log(11), log(9), log(40, other)])
  expect(await cleanUp(stage.surroundings.db)).toMatchObject({ request_logs: 2 })
  const left = await db.select({ id: requestLogs.requestId }).from(requestLogs)
  expect(left.map(({ id }) => id).sort()).toEqual([`40_${other}`, `9_${organizationId}`])
})

test('a signing key goes with its secret a day after it verifies nothing more, and the ones in use stay', async () => {
  const { db, surroundings } = stage
  const inUse = await currentSigningKeys(surroundings, 'mail')
  const retired = async (purpose: 'access' | 'mail', days: number) => {
    const id = newId('sgk')
    const place = { organizationId: null, table: 'signing_keys', row: id, purpose: 'key' }
    await db.insert(signingKeys).values({ id, purpose, retiredAt: daysAgo(days) })
    await db.execute(insertSecret(place, await sealSecret(surroundings.keyRing(), place, 'x')))
    return id
  }
  const spent = [await retired('access', 1.1), await retired('mail', 9.1)]
  const alive = [await retired('access', 0.9), await retired('mail', 8.9), ...inUse.map(({ id }) => id)]
  expect(await cleanUp(surroundings.db)).toMatchObject({ signing_keys: 2 })
  const all = [...spent, ...alive]
  const keys = await db.select({ id: signingKeys.id }).from(signingKeys).where(inArray(signingKeys.id, all))
  const sealed = await db.select({ id: secrets.ownerId }).from(secrets).where(inArray(secrets.ownerId, all))
  for (const left of [keys, sealed]) expect(left.map(({ id }) => id).sort()).toEqual([...alive].sort())
})
