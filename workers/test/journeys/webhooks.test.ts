import { randomUUID } from 'node:crypto'
import { eq } from 'drizzle-orm'
import { Webhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { afterAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { openNodeDb } from '#db/node-client.ts'
import { webhookEndpoints } from '#db/schema/index.ts'
import { CustomerEvent } from '#shared/contracts/events/customer-event.ts'
import { expectEventually } from './eventually.ts'
import { kill, ready } from './faults.ts'
import { type Person, signedUp } from './people.ts'
import { ring } from './ring.ts'

const { db, close } = openNodeDb(inject('stack').postgresUrl, 2)
afterAll(close)

const Endpoint = z.object({ endpointId: z.string(), secret: z.string() })
const Key = z.object({ keyId: z.string() })
const Received = z.object({
  received: z.array(z.object({ at: z.iso.datetime(), headers: z.record(z.string(), z.string()), body: z.string() })),
})
const Deliveries = z.object({ data: z.array(z.object({ status: z.string(), attemptCount: z.int() })) })

/** Somebody with an organization and an endpoint at the stack's inbox. */
async function listener(): Promise<{ person: Person; root: string; inbox: string; endpointId: string; secret: string }> {
  const person = await signedUp('hook')
  const Created = z.object({ organizationId: z.string() })
  const { organizationId } = await person.browser.ask(Created, 'POST', '/api/organizations', { name: 'Hooks' })
  const root = `/api/organizations/${organizationId}`
  const inbox = randomUUID()
  return { person, root, inbox, ...(await addEndpoint(person, root, inbox)) }
}

function addEndpoint({ browser }: Person, root: string, inbox: string) {
  const url = `${inject('stack').inboxUrl}/hooks/${inbox}`
  return browser.ask(Endpoint, 'POST', `${root}/webhook-endpoints`, { url, eventTypes: ['key.created', 'key.revoked'] })
}

async function receivedAt(inbox: string) {
  return Received.parse(await (await fetch(`${inject('stack').inboxUrl}/api/received/${inbox}`)).json()).received
}

const newKey = ({ browser }: Person, root: string) => browser.ask(Key, 'POST', `${root}/keys`, { name: 'Told of' })

test('an event is delivered at once, signed so that the official libraries verify it', async () => {
  const { person, root, inbox, secret, endpointId } = await listener()
  const { keyId } = await newKey(person, root)
  await expectEventually(async () => (await receivedAt(inbox)).length, 1, 15_000)
  const [delivery] = await receivedAt(inbox)
  const { headers = {}, body = '' } = delivery ?? {}
  for (const library of [new Webhook(secret), new SvixWebhook(secret)]) library.verify(body, headers)
  expect(() => new Webhook(secret).verify(body.replace('key', 'kex'), headers)).toThrow()
  expect(CustomerEvent.parse(JSON.parse(body))).toMatchObject({ id: headers['webhook-id'], type: 'key.created', data: { keyId } })
  const path = `${root}/webhook-endpoints/${endpointId}/deliveries`
  await expectEventually(
    async () => (await person.browser.ask(Deliveries, 'GET', path)).data,
    [{ status: 'delivered', attemptCount: 1 }],
    10_000,
  )
}, 60_000)

test('an endpoint that never answers delays no other', async () => {
  const { person, root, inbox } = await listener()
  const dead = randomUUID()
  await addEndpoint(person, root, `${dead}?answer=never`)
  for (let told = 1; told <= 3; told++) {
    const { keyId } = await newKey(person, root)
    await expectEventually(async () => (await receivedAt(inbox)).some(({ body }) => body.includes(keyId)), true, 8_000)
  }
  expect((await receivedAt(dead)).length).toBeGreaterThan(0)
}, 60_000)

test('nothing is lost when the Worker is killed while it delivers: it comes again, under the same id', async () => {
  const { person, root, endpointId, secret } = await listener()
  const inbox = randomUUID()
  const hanging = `${inject('stack').inboxUrl}/hooks/${inbox}?answer=never`
  await person.browser.ask(z.object({}), 'PATCH', `${root}/webhook-endpoints/${endpointId}`, { url: hanging })
  await newKey(person, root)
  await expectEventually(async () => (await receivedAt(inbox)).length, 1, 15_000)
  await kill('webhooks')
  await person.browser.ask(z.object({}), 'PATCH', `${root}/webhook-endpoints/${endpointId}`, { url: hanging.replace('never', '204') })
  await ready('webhooks')
  await expectEventually(
    async () => {
      await outliveLease(endpointId)
      return (await receivedAt(inbox)).length
    },
    2,
    30_000,
  )
  const [first, second] = await receivedAt(inbox)
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
  for (const each of [first, second]) expect(() => new Webhook(secret).verify(each?.body ?? '', each?.headers ?? {})).not.toThrow()
}, 120_000)

/** Lets the lease of the dead Worker run out, and the cron ring that looks for what was left behind. */
async function outliveLease(endpointId: string): Promise<void> {
  await db.update(webhookEndpoints).set({ leasedUntil: null }).where(eq(webhookEndpoints.id, endpointId))
  await ring('* * * * *', 'webhooks')
}
