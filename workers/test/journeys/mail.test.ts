import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eq, sql } from 'drizzle-orm'
import { afterAll, expect, inject, test } from 'vitest'
import { openNodeDb } from '#db/node-client.ts'
import { queueLedgerPush } from '#db/queries/ledger-pushes/queue-push.ts'
import { customerEvents, ledgerPushes, mailOutbox, mailTokens, memberships, organizations, users } from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import { newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { mailsTo } from './people.ts'
import { ring } from './ring.ts'

const { db, close } = openNodeDb(inject('stack').postgresUrl, 2)
afterAll(close)

async function newOwner(organizationId: string): Promise<{ userId: string; email: string }> {
  const userId = newId('usr')
  const email = `${userId}@example.com`
  await db.insert(users).values({ id: userId, email, name: 'Ada', emailVerifiedAt: new Date() })
  await db.insert(memberships).values({ organizationId, userId, role: 'owner' })
  return { userId, email }
}

test('a balance that fell is mailed once, from the cron through the real queue and the real socket to the mail server', async () => {
  const { organizationId } = await newCustomer({ creditNanos: 1_000_000_000 })
  const { email } = await newOwner(organizationId)
  const event = { type: 'balance.low' as const, data: { balanceNanos: 1_000_000_000, thresholdNanos: 5_000_000_000 } }
  await db.insert(customerEvents).values({ organizationId, ...event })
  await Promise.all([ring('*/5 * * * *'), ring('*/5 * * * *')])
  await Promise.all([ring('* * * * *'), ring('* * * * *')])
  const subjects = async () => (await mailsTo(email)).map(({ subject }) => subject)
  await expectEventually(subjects, ['Your credit is running low'], 30_000)
  await ring('*/5 * * * *')
  await ring('* * * * *')
  expect(await subjects()).toEqual(['Your credit is running low'])
})

test('the secret of a link is in the mail, and neither in Postgres nor in a log', async () => {
  const { organizationId } = await newCustomer()
  const { userId, email } = await newOwner(organizationId)
  const tokenId = newId('mtk')
  await db.insert(mailTokens).values({ id: tokenId, purpose: 'reset_password', userId, email, expiresAt: new Date(Date.now() + 3_600_000) })
  await db.insert(mailOutbox).values({ message: { kind: 'link', tokenId } })
  await ring('* * * * *')
  await expectEventually(async () => (await mailsTo(email)).length, 1, 30_000)
  const [mail] = await mailsTo(email)
  const [, mac = ''] = /\/reset-password#token=mtk_\w+\.sgk_\w+\.([\w-]{43})\n/.exec(mail?.text ?? '') ?? []
  expect(mac).not.toBe('')
  const log = readFileSync(join(inject('stack').directory, 'logs', 'api.log'), 'utf8')
  expect(log).toContain('mails_consumed')
  expect(log).not.toContain(mac)
  expect(log).not.toContain(email)
  expect(JSON.stringify(await db.select().from(mailTokens).where(eq(mailTokens.userId, userId)))).not.toContain(mac)
})

test('a change whose maker died before it told the ledger object reaches the object by the cron', async () => {
  const customer = await newCustomer()
  const { organizationId } = customer
  expect((await customer.chat('fast')).status).toBe(200)
  await db.transaction(async (tx) => {
    const changed = { status: 'suspended' as const, balanceVersion: sql`${organizations.balanceVersion} + 1` }
    await tx.update(organizations).set(changed).where(eq(organizations.id, organizationId))
    await queueLedgerPush(tx, organizationId, 0)
  })
  await ring('* * * * *')
  expect(await db.select().from(ledgerPushes).where(eq(ledgerPushes.organizationId, organizationId))).toEqual([])
  expect((await customer.chat('fast')).status).toBe(403)
})
