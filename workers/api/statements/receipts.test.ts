import { eq, sql } from 'drizzle-orm'
import { compactVerify, createLocalJWKSet, decodeProtectedHeader } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { recordUsage } from '#db/queries/record-usage.ts'
import { models, priceVersions, requestLogs, secrets, signingKeys } from '#db/schema/index.ts'
import { adjustmentEvent, settlementEvent } from '#db/testing/usage-events.ts'
import { PublicKey, Receipt, receiptType } from '#shared/contracts/receipt.ts'
import type { UsageEvent } from '#shared/contracts/usage-event.ts'
import { costNanos, type UnitPrices } from '#shared/pricing/cost.ts'
import type { Usage } from '#shared/pricing/usage.ts'
import { newId } from '#shared/values/id.ts'
import { cleanUp } from '../crons/clean-up.ts'
import { portalUrl, type Stage, setStage, type TestPerson } from '../testing/stage.ts'

const Keys = z.object({ keys: z.array(PublicKey) })

let stage: Stage
let owner: TestPerson
let organizationId: string
beforeAll(async () => {
  stage = await setStage()
  owner = await stage.person()
  organizationId = await stage.organization([[owner, 'owner']])
})
afterAll(() => stage?.stop())
afterEach(() => vi.useRealTimers())

const tokens = { inputPicos: 1_337, cacheReadPicos: 133, cacheWrite5mPicos: 1_671, cacheWrite1hPicos: 2_674, outputPicos: 4_001 }

/** A price version of a model of its own. */
async function newPrice(units: UnitPrices = {}): Promise<{ model: string; priceVersionId: string }> {
  const [model, priceVersionId] = [newId('key').replace('key', 'model'), newId('prc')]
  await stage.db.insert(models).values({ id: model, kind: 'chat', contextTokens: 1_000, maxOutputTokens: 100 })
  await stage.db.insert(priceVersions).values({ id: priceVersionId, modelId: model, ...tokens, units })
  return { model, priceVersionId }
}

/** A settled request, charged by the price. */
async function settled(usage: Usage, units: UnitPrices = {}): Promise<UsageEvent> {
  const served = await newPrice(units)
  const event = settlementEvent({ costNanos: costNanos(usage, { ...tokens, units }) })
  return { ...event, settlement: { ...event.settlement, usage, served } }
}

const record = (...events: UsageEvent[]) => recordUsage(stage.db, [{ organizationId, events }])
const receiptPath = (id: string, of = organizationId) => `/api/organizations/${of}/requests/${id}/receipt`

async function receiptOf({ request }: UsageEvent): Promise<string> {
  const answer = await stage.call('GET', receiptPath(request.requestId), { cookie: owner.cookie })
  expect([answer.status, answer.headers.get('content-type')], answer.text).toEqual([200, 'application/jose'])
  return answer.text
}

const published = () => stage.call('GET', '/api/jwks.json')
const served = async () => Keys.parse((await published()).json)

async function verified(receipt: string): Promise<Receipt> {
  const { payload, protectedHeader } = await compactVerify(receipt, createLocalJWKSet(await served()), { algorithms: ['EdDSA'] })
  expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: receiptType, kid: expect.stringMatching(/^sgk_/) })
  return Receipt.parse(JSON.parse(new TextDecoder().decode(payload)))
}

const kidOf = (receipt: string) => decodeProtectedHeader(receipt).kid
const pairs = () => stage.db.select().from(signingKeys).where(eq(signingKeys.purpose, 'receipt')).orderBy(signingKeys.createdAt)

/** The isolate has read its keys a while ago. */
function laterOn(): void {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(Date.now() + 61_000)
}

test('before the first receipt there is no key, and nobody may remember that; then there is one, however many ask at once', async () => {
  const before = await published()
  expect([before.json, before.headers.get('cache-control')]).toEqual([{ keys: [] }, 'no-store'])
  expect((await stage.call('GET', receiptPath(newId('req')), { cookie: owner.cookie })).status).toBe(404)
  expect(await pairs()).toEqual([])
  const event = await settled({ inputTokens: 1 })
  await record(event)
  await Promise.all([1, 2, 3].map(() => receiptOf(event)))
  const after = await published()
  expect(Keys.parse(after.json).keys).toHaveLength(1)
  expect(after.headers.get('cache-control')).toBe('public, max-age=3600')
  expect(after.headers.get('content-type')).toBe('application/jwk-set+json')
  expect(after.text).not.toContain('"d"')
})

describe('a receipt', () => {
  test('tells all that the cost is made of: what was not reported is absent, what was reported as zero is zero', async () => {
    const usage = { inputTokens: 1_001, cacheReadTokens: 0, outputTokens: 77, images: 2 }
    const event = await settled(usage, { imageNanos: 40_000_000, requestNanos: 5 })
    await record(event)
    const { requestId, startedAtMs } = event.request
    const receipt = await verified(await receiptOf(event))
    expect(receipt).toEqual({
      iss: portalUrl,
      sub: organizationId,
      iat: expect.closeTo(Date.now() / 1_000, -1),
      version: 1,
      requestId,
      startedAt: new Date(startedAtMs).toISOString(),
      settledAt: new Date(event.settledAtMs).toISOString(),
      route: { kind: 'platform', upstream: 'scripted', upstreamKind: null },
      ...event.settlement.served,
      usage,
      costNanos: event.settlement.costNanos,
      estimated: false,
      capped: false,
      price: { ...tokens, units: { imageNanos: 40_000_000, requestNanos: 5 } },
      currency: 'USD',
      entries: [{ entryId: expect.any(Number), at: expect.any(String), kind: 'settlement', amountNanos: -event.settlement.costNanos }],
    })
    expect(receipt.price && costNanos(receipt.usage, receipt.price)).toBe(receipt.costNanos)
  })

  test('of an own key is free by a price of zero, and of what reached nobody has no route', async () => {
    const own = settlementEvent({ costNanos: 0 })
    own.settlement = { ...own.settlement, credentialId: 'byk_1', served: { model: 'gpt-x', priceVersionId: 'byok' } }
    const unserved = settlementEvent({ costNanos: 0 })
    unserved.settlement = { ...unserved.settlement, upstream: null, routeId: null, usage: {} }
    await record(own, unserved)
    const receipt = await verified(await receiptOf(own))
    expect(receipt).toMatchObject({ route: { kind: 'own_key' }, costNanos: 0, usage: own.settlement.usage })
    expect(receipt.price && costNanos(receipt.usage, receipt.price)).toBe(0)
    // Its price version is none that was ever stored.
    expect(await verified(await receiptOf(unserved))).toMatchObject({ route: { kind: 'none' }, usage: {}, price: null })
  })

  test('of an estimate that was corrected tells the truth and both entries', async () => {
    const event = settlementEvent({ costNanos: 1_000 })
    const { requestId } = event.request
    await record({ ...event, settlement: { ...event.settlement, estimated: true, end: 'expired' } })
    await record(adjustmentEvent({ requestId, costNanos: 250, amountNanos: 750, startedAtMs: event.request.startedAtMs }))
    const { entries, ...receipt } = await verified(await receiptOf(event))
    expect(receipt).toMatchObject({ costNanos: 250, estimated: false })
    expect(entries).toMatchObject([
      { kind: 'settlement', amountNanos: -1_000 },
      { kind: 'adjustment', amountNanos: 750 },
    ])
  })

  test('is there also when the line of the request log is not kept any longer', async () => {
    const event = await settled({ inputTokens: 5 })
    await record(event)
    await stage.db.delete(requestLogs).where(eq(requestLogs.requestId, event.request.requestId))
    expect((await verified(await receiptOf(event))).usage).toEqual({ inputTokens: 5 })
  })

  test('with one changed character is refused', async () => {
    const event = await settled({ inputTokens: 5 })
    await record(event)
    const receipt = await receiptOf(event)
    const keySet = createLocalJWKSet(await served())
    // Of the last character only some bits count.
    for (let at = 0; at < receipt.length - 1; at += 7) {
      const changed = receipt.slice(0, at) + (receipt[at] === 'A' ? 'B' : 'A') + receipt.slice(at + 1)
      await expect(compactVerify(changed, keySet), `at ${at}`).rejects.toThrow()
    }
  })

  test('is not there for others, and not for roles that may not read the ledger', async () => {
    const event = await settled({ inputTokens: 5 })
    await record(event)
    const [stranger, developer] = [await stage.person(), await stage.person()]
    const theirs = await stage.organization([[stranger, 'owner']])
    const ask = async (id: string, { cookie }: TestPerson, of?: string) => (await stage.call('GET', receiptPath(id, of), { cookie })).status
    expect(await ask(event.request.requestId, stranger)).toBe(404)
    expect(await ask(event.request.requestId, stranger, theirs)).toBe(404)
    for (const id of [newId('req'), 'req_1', 'key_1', '%00']) expect(await ask(id, owner), id).toBe(404)
    const shared = await stage.organization([[developer, 'developer']])
    expect(await ask(event.request.requestId, developer, shared)).toBe(403)
  })
})

test('receipts verify for good: after a rotation of the keys, and when the old private one is forgotten', async () => {
  const event = await settled({ inputTokens: 5 })
  await record(event)
  const first = await receiptOf(event)
  await stage.db.execute(sql`update signing_keys set created_at = created_at - interval '366 days' where purpose = 'receipt'`)
  laterOn()
  // Whoever has kept the published keys for an hour does not know the new one.
  const second = await receiptOf(event)
  const [old, young] = await pairs()
  expect([kidOf(first), kidOf(second), old?.retiredAt === null, young?.retiredAt]).toEqual([old?.id, old?.id, false, null])
  expect((await served()).keys.map(({ kid }) => kid)).toEqual([young?.id, old?.id])
  await stage.db.execute(sql`update signing_keys set created_at = created_at - interval '400 days', retired_at = retired_at - interval '400 days'
    where id = ${old?.id}`)
  await stage.db.execute(sql`update signing_keys set created_at = created_at - interval '2 hours' where id = ${young?.id}`)
  expect(await cleanUp(stage.surroundings.db)).toMatchObject({ signing_keys: 0, receipt_secrets: 1 })
  laterOn()
  const third = await receiptOf(event)
  expect(kidOf(third)).toBe(young?.id)
  for (const receipt of [first, second, third]) expect(await verified(receipt)).toMatchObject({ requestId: event.request.requestId })
  const sealed = await stage.db.select({ id: secrets.ownerId }).from(secrets).where(eq(secrets.ownerTable, 'signing_keys'))
  expect(sealed.map(({ id }) => id).filter((id) => id === old?.id || id === young?.id)).toEqual([young?.id])
})
