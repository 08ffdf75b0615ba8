import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Db } from '#db/client.ts'
import { nodeTransact } from '#db/node-client.ts'
import { takeDueMails } from '#db/queries/mail/mail-outbox.ts'
import { postEntry } from '#db/queries/post-entry.ts'
import { customerEvents, mailOutbox } from '#db/schema/index.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { newCustomer } from '#db/testing/usage-events.ts'
import type { MailMessage } from '#shared/contracts/mail-message.ts'
import { newId } from '#shared/values/id.ts'
import { recordEvent } from '../events/record-event.ts'
import { queueMail } from '../mail/queue-mail.ts'
import { handingOver } from './handing-over.ts'

let database: TestDatabase
let organizationId: string
/** What the queues took, in the words of these tests. */
let taken: string[]
/** Runs whenever a queue is sent something. */
let onSend: () => Promise<void>
beforeAll(async () => {
  database = await startTestDatabase()
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterAll(() => database?.stop())
beforeEach(async () => {
  await database.db.delete(mailOutbox)
  organizationId = await newCustomer(database.db)
  taken = []
  onSend = async () => undefined
})

const message: MailMessage = { kind: 'link', tokenId: 'mtk_x' }
const take = async (what: string) => {
  await onSend()
  taken.push(what)
}
const webhooks = { send: ({ organizationIds }: { organizationIds: string[] }) => take(`nudge ${organizationIds.join()}`) }
const mail = { send: (sent: MailMessage) => take(`mail ${sent.kind}`) }
const transact = <Value>(work: (tx: Db) => Promise<Value>) =>
  handingOver(nodeTransact(database.db), { db: database.db, webhooks, mail })(work)

async function tell(tx: Db): Promise<string> {
  const told = { organizationId, type: 'member.removed' as const, data: { userId: 'usr_x' } }
  await recordEvent(tx, told)
  await recordEvent(tx, told)
  await queueMail(tx, message)
  return 'done'
}
const waiting = async () => (await database.db.select().from(mailOutbox)).map((row) => row.message)
const tellings = () => database.db.$count(customerEvents)

test('what a transaction tells leaves after its commit, once, and no mail stays behind', async () => {
  const before = await tellings()
  const seen: number[] = []
  onSend = async () => {
    seen.push((await tellings()) - before)
    // The cron may come between the commit and the hand-over.
    expect(await takeDueMails(database.db, { limit: 10, patienceMs: 0 })).toEqual([])
  }
  expect(await transact(tell)).toBe('done')
  expect(seen).toEqual([2, 2])
  expect(taken.sort()).toEqual(['mail link', `nudge ${organizationId}`])
  expect(await waiting()).toEqual([])
})

test('a transaction that fails tells nobody anything', async () => {
  const before = await tellings()
  const failing = transact(async (tx) => {
    await tell(tx)
    throw new Error('a fault')
  })
  await expect(failing).rejects.toThrow('a fault')
  expect([taken, await waiting(), (await tellings()) - before]).toEqual([[], [], 0])
})

test('queues that are away fail nothing: the mail waits in the outbox for its time, and the event is there', async () => {
  onSend = () => Promise.reject(new Error('away'))
  const before = await tellings()
  expect(await transact(tell)).toBe('done')
  expect([taken, await waiting(), (await tellings()) - before]).toEqual([[], [message], 2])
})

test('a Worker without the queue of mails leaves them to the cron', async () => {
  await handingOver(nodeTransact(database.db), { db: database.db, webhooks, mail: null })(tell)
  expect([taken, await waiting()]).toEqual([[`nudge ${organizationId}`], [message]])
})

test('a posting that takes the balance below a threshold is told as well, and one that does not is not', async () => {
  const post = (amountNanos: number) =>
    transact((tx) =>
      postEntry(tx, { organizationId, amountNanos, kind: amountNanos < 0 ? 'debit' : 'credit', eventId: newId('crd'), reason: null }),
    )
  await post(20_000_000)
  expect(taken).toEqual([])
  await post(-15_000_000)
  expect(taken).toEqual([`nudge ${organizationId}`])
})
