import { createServer } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertFinding } from '#db/queries/payments/findings.ts'
import { readStripeSettings } from '#db/queries/payments/read-stripe-settings.ts'
import { insertStripeEvent } from '#db/queries/payments/stripe-events.ts'
import { auditLog, secrets } from '#db/schema/index.ts'
import { StripeEventList } from '#shared/contracts/payment-finding.ts'
import { stripeKeyPlace, stripeWebhookPlace } from '#shared/contracts/stripe-settings.ts'
import { listenAnywhere } from '#workers/dev/testing/throwaway.ts'
import { openSecret } from '#workers/services/secrets/open.ts'
import { keyRingOf } from '#workers/services/secrets/settings.ts'
import { eventsPerPage } from './limits.ts'
import { type Stage, setStage } from './testing/stage.ts'

const keks = { KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify({ a: btoa('a'.repeat(32)) }) }
const [testKey, liveKey] = ['sk_test_0123456789hush', 'rk_live_0123456789hush']
const [oneSecret, otherSecret] = ['whsec_0123456789hushone', 'whsec_0123456789hushtwo']
const asked: (string | undefined)[] = []
let status = 200
const peer = createServer((request, response) => {
  asked.push(`${request.url} ${request.headers.authorization}`)
  response.statusCode = status
  response.end(
    JSON.stringify(status === 200 ? { object: 'balance', livemode: false } : { error: { type: 'x', message: `Bad key ${testKey}` } }),
  )
})

let stage: Stage
beforeAll(async () => {
  stage = await setStage({ ...keks, STRIPE_URL: await listenAnywhere(peer) })
})
afterAll(async () => {
  peer.close()
  await stage?.stop()
})

const put = (body: object = {}) => stage.call('PUT', '/stripe', body)

async function storedKeys() {
  const stored = await readStripeSettings(stage.database.db)
  const open = (sealed: NonNullable<typeof stored>['secretKey'], place: typeof stripeKeyPlace) =>
    sealed && openSecret(keyRingOf(keks), place, sealed)
  return stored && [await open(stored.secretKey, stripeKeyPlace), await open(stored.webhookSecret, stripeWebhookPlace)]
}

test('before Stripe is set up there is nothing to show or test, and both keys are needed', async () => {
  expect(await stage.call('GET', '/stripe')).toMatchObject({ status: 200, json: { stripe: null } })
  expect(await stage.call('POST', '/stripe/test')).toMatchObject({ status: 404 })
  expect(await put({ webhookSecret: oneSecret })).toMatchObject({ status: 400, json: { errors: [{ pointer: '#/secretKey' }] } })
  expect(await put({ secretKey: testKey })).toMatchObject({ status: 400, json: { errors: [{ pointer: '#/webhookSecret' }] } })
  expect(await storedKeys()).toBeNull()
})

test('keys are sealed and shown nowhere, kept when left out, and never mixed with those of the other mode', async () => {
  const { db } = stage.database
  const answers = [await put({ secretKey: testKey, webhookSecret: oneSecret, maxTopUpNanos: 50_000_000_000 })]
  expect(answers[0]).toMatchObject({ status: 200, json: { stripe: { livemode: false, maxTopUpNanos: 50_000_000_000, version: 1 } } })
  answers.push(await put({ collectTaxIds: true }))
  expect(answers[1]).toMatchObject({
    status: 200,
    json: { stripe: { collectTaxIds: true, maxTopUpNanos: 10_000_000_000_000, livemode: false } },
  })
  expect(await storedKeys()).toEqual([testKey, oneSecret])
  expect(await put({ secretKey: liveKey })).toMatchObject({ status: 400, json: { errors: [{ pointer: '#/webhookSecret' }] } })
  expect(await storedKeys()).toEqual([testKey, oneSecret])
  answers.push(await put({ secretKey: liveKey, webhookSecret: otherSecret }))
  expect(answers[2]).toMatchObject({ status: 200, json: { stripe: { livemode: true } } })
  expect(await storedKeys()).toEqual([liveKey, otherSecret])
  const log = await db.select().from(auditLog)
  expect(log).toMatchObject([{ action: 'stripe.settings_changed', after: { livemode: false, secretKeyReplaced: true } }, {}, {}])
  const everything = JSON.stringify([answers, await stage.call('GET', '/stripe'), log, await db.select().from(secrets)])
  expect(everything).not.toContain('hush')
})

test.each([
  [{ secretKey: 'pk_test_0123456789hush' }],
  [{ secretKey: `${testKey}\n` }],
  [{ webhookSecret: 'whsec_' }],
  [{ webhookSecret: '' }],
  [{ minTopUpNanos: 1 }],
  [{ minTopUpNanos: 2_000_000_000, maxTopUpNanos: 1_000_000_000 }],
  [{ more: 1 }],
])('what cannot be meant is refused: %j', async (wrong) => {
  expect(await put({ secretKey: testKey, webhookSecret: oneSecret, ...wrong })).toMatchObject({ status: 400 })
})

test('a test asks Stripe with the stored key, and tells how that went without its words', async () => {
  await put({ secretKey: testKey, webhookSecret: oneSecret })
  const ask = () => stage.call('POST', '/stripe/test')
  expect(await ask()).toMatchObject({ status: 200, json: { outcome: 'works', answer: 'test mode' } })
  expect(asked).toEqual([`/v1/balance Bearer ${testKey}`])
  status = 401
  const refused = await ask()
  expect(refused).toMatchObject({ status: 200, json: { outcome: 'refused', answer: expect.stringContaining('status 401') } })
  expect(JSON.stringify(refused.json)).not.toContain('hush')
  status = 500
  expect(await ask()).toMatchObject({ json: { outcome: 'unreachable' } })
  await new Promise((resolve) => peer.close(resolve).closeAllConnections())
  expect(await ask()).toMatchObject({ json: { outcome: 'unreachable', answer: 'no answer' } })
})

test('a finding waits until somebody has decided, who is told in the audit log', async () => {
  const { db } = stage.database
  const details = { expectedCents: 500, paidCents: 400 }
  for (const objectId of ['cs_1', 'cs_1', 'cs_2'])
    await insertFinding(db, { objectId, reason: 'wrong_amount', organizationId: null, details })
  const list = async (more = '') => JSON.stringify((await stage.call('GET', `/stripe/findings${more}`)).json)
  expect(await stage.call('GET', '/stripe/findings')).toMatchObject({
    json: { findings: [{ objectId: 'cs_2', details }, { objectId: 'cs_1' }] },
  })
  const [id] = /\d+/.exec(await list()) ?? []
  const resolve = () => stage.call('POST', `/stripe/findings/${id}/resolve`, { note: 'credited by hand' })
  expect(await resolve()).toMatchObject({
    status: 200,
    json: { objectId: 'cs_2', resolvedBy: 'operator.access', resolution: 'credited by hand' },
  })
  expect(await resolve()).toMatchObject({ status: 409 })
  expect([await list(), await list('?all=true')].map((text) => text.includes('cs_2'))).toEqual([false, true])
  expect((await db.select().from(auditLog)).at(-1)).toMatchObject({ action: 'payment_finding.resolved', after: { objectId: 'cs_2' } })
  for (const path of ['/stripe/findings/999999/resolve', '/stripe/findings/x/resolve', '/stripe/findings/-1/resolve'])
    expect((await stage.call('POST', path, { note: 'x' })).status).toBe(404)
})

test('events are listed by state, page by page, each once', async () => {
  const { db } = stage.database
  const count = eventsPerPage + 5
  for (let index = 0; index < count; index++) {
    const event = { id: `evt_${index}`, type: 'refund.created', objectId: `re_${index}`, livemode: false, createdAt: new Date() }
    await insertStripeEvent(db, { ...event, status: index === 0 ? 'ignored' : 'received' })
  }
  const first = StripeEventList.parse((await stage.call('GET', '/stripe/events?status=received')).json)
  const rest = StripeEventList.parse((await stage.call('GET', `/stripe/events?status=received&cursor=${first.next}`)).json)
  expect(rest.next).toBeNull()
  expect(new Set([...first.events, ...rest.events].map(({ id }) => id)).size).toBe(count - 1)
  expect((await stage.call('GET', '/stripe/events?status=received&cursor=x')).status).toBe(400)
  expect((await stage.call('GET', '/stripe/events?status=gone')).status).toBe(400)
})
