import { eq, sql } from 'drizzle-orm'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ensurePartitions, monthsFrom } from '#db/queries/ensure-partitions.ts'
import { postEntry } from '#db/queries/post-entry.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { ledgerEntries, models, organizations, priceVersions } from '#db/schema/index.ts'
import { adjustmentEvent, settlementEvent } from '#db/testing/usage-events.ts'
import { StatementEntry, StatementHead, StatementPrice, StatementSeal } from '#shared/contracts/statement.ts'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { costNanos, type Price } from '#shared/pricing/cost.ts'
import type { Usage } from '#shared/pricing/usage.ts'
import { newId } from '#shared/values/id.ts'
import { portalUrl, type Stage, setStage, type TestPerson } from '../testing/stage.ts'
import { verify, verifyEach } from './testing/verifier.ts'

let stage: Stage
let owner: TestPerson
beforeAll(async () => {
  stage = await setStage()
  await ensurePartitions(stage.db, monthsFrom(Date.UTC(2026, 0), 5))
  owner = await stage.person()
  await stage.db.insert(models).values({ id: 'model', kind: 'chat', contextTokens: 1_000, maxOutputTokens: 100 })
  for (const [id, price] of Object.entries(prices)) {
    const { units = {}, ...rates } = price
    await stage.db.insert(priceVersions).values({ id, modelId: 'model', ...rates, units, effectiveAt: new Date(id === 'prc_text' ? 0 : 1) })
  }
})
afterAll(() => stage?.stop())

const text: Price = { inputPicos: 1_337, cacheReadPicos: 133, cacheWrite5mPicos: 1_671, cacheWrite1hPicos: 2_674, outputPicos: 4_001 }
const longContext = {
  aboveInputTokens: 100,
  inputPicos: 2_000,
  cacheReadPicos: 200,
  cacheWrite5mPicos: 2_500,
  cacheWrite1hPicos: 4_000,
  outputPicos: 6_001,
}
const prices: Record<'prc_text' | 'prc_units', Price> = {
  prc_text: text,
  prc_units: { ...text, units: { imageNanos: 40_000_001, secondNanos: 333, inputAudioPicos: 9_999, requestNanos: 7, longContext } },
}

const newOrganization = () => stage.organization([[owner, 'owner']])

/** A request of a moment, charged by a price. */
function request(at: string, usage: Usage, priceVersionId: keyof typeof prices = 'prc_text'): UsageEvent {
  const settledAtMs = Date.parse(at)
  const startedAtMs = settledAtMs - 800
  const event = settlementEvent({
    requestId: newId('req', startedAtMs),
    startedAtMs,
    settledAtMs,
    costNanos: costNanos(usage, prices[priceVersionId]),
  })
  return { ...event, settlement: { ...event.settlement, usage, served: { model: 'model', priceVersionId } } }
}

/** Dates an entry as if its transaction had begun then. */
const date = (eventId: string, at: string) =>
  stage.db
    .update(ledgerEntries)
    .set({ createdAt: sql`${at}::timestamptz` })
    .where(eq(ledgerEntries.eventId, eventId))

async function book(organizationId: string, event: UsageEvent, at: string): Promise<void> {
  await recordUsage(stage.db, [{ organizationId, events: [event] }])
  await date(eventIdOf(event), at)
}

async function post(organizationId: string, eventId: string, amountNanos: number, at: string): Promise<void> {
  const kind = amountNanos < 0 ? 'debit' : 'credit'
  expect(await postEntry(stage.db, { organizationId, eventId, amountNanos, kind, reason: 'between operators' })).toMatchObject({
    outcome: 'posted',
  })
  await date(eventId, at)
}

const ask = (organizationId: string, path: string, { cookie } = owner) =>
  stage.call('GET', `/api/organizations/${organizationId}/statements${path}`, { cookie })

async function statementOf(organizationId: string, month: string) {
  const answer = await ask(organizationId, `/${month}`)
  expect(answer.status, answer.text).toBe(200)
  const lines = answer.text.split('\n').slice(0, -1)
  const [first = '', ...rest] = lines.slice(0, -1)
  const seal = StatementSeal.parse(decodeJwt(lines.at(-1) ?? ''))
  return { answer, lines, head: StatementHead.parse(JSON.parse(first)), body: rest.map((line) => Body.parse(JSON.parse(line))), seal }
}
const Body = z.union([StatementPrice.strict(), StatementEntry.strict()])
const entriesOf = (body: z.infer<typeof Body>[]) => body.flatMap((line) => (line.type === 'entry' ? [line] : []))

const published = async () => (await stage.call('GET', '/api/jwks.json')).text

/** A customer with a bit of everything in February. */
async function customer() {
  const organizationId = await newOrganization()
  const id = organizationId.slice(4)
  const late = request('2026-01-31T23:59:58Z', { inputTokens: 3 })
  await post(organizationId, `credit:${id}`, 5_000_000_000, '2026-01-31T23:59:59.999999Z')
  await post(organizationId, `topup:top_${id}`, 9_000_000_000, '2026-02-01T00:00:00Z')
  await book(organizationId, late, '2026-02-01T00:00:00.000001Z')
  const plain = request('2026-02-03T10:00:00Z', { inputTokens: 99, cacheReadTokens: 0, outputTokens: 7, reasoningTokens: 5 })
  const media = request('2026-02-03T11:00:00Z', { inputTokens: 101, inputAudioTokens: 3, images: 2, audioMs: 777 }, 'prc_units')
  const own = request('2026-02-03T12:00:00Z', { inputTokens: 50, images: 1 })
  own.settlement = { ...own.settlement, costNanos: 0, credentialId: 'byk_1', served: { model: 'model', priceVersionId: 'byok' } }
  own.amountNanos = 0
  const capped = request('2026-02-03T13:00:00Z', { outputTokens: 1_000 })
  capped.settlement = { ...capped.settlement, costNanos: 1_000, capped: true }
  capped.amountNanos = -1_000
  for (const event of [plain, media, own, capped]) await book(organizationId, event, new Date(event.settledAtMs + 2_000).toISOString())
  await post(organizationId, `refund:re_${id}`, -1_000_000_000, '2026-02-20T00:00:00Z')
  const expired = request('2026-02-27T10:00:00Z', { inputTokens: 1_000, outputTokens: 1_000 })
  await book(organizationId, expired, '2026-02-27T11:00:00Z')
  const usage = { inputTokens: 1_000, outputTokens: 10 }
  const truthNanos = costNanos(usage, text)
  const { requestId, startedAtMs } = expired.request
  const truth = adjustmentEvent({ requestId, startedAtMs, costNanos: truthNanos, amountNanos: expired.settlement.costNanos - truthNanos })
  truth.settlement = { ...truth.settlement, usage, served: { model: 'model', priceVersionId: 'prc_text' } }
  await book(organizationId, truth, '2026-02-28T23:59:59.999999Z')
  await post(organizationId, `promotion:grn_${id}`, 70, '2026-03-01T00:00:00Z')
  return { organizationId, id, late, plain, media, own, capped, expired, truth }
}

describe('a statement', () => {
  test('has every entry of its month and none of another, tells what each is made of, adds up, and verifies', async () => {
    const { organizationId, id, late, plain, media, own, capped, expired, truth } = await customer()
    const { answer, head, body, seal, lines } = await statementOf(organizationId, '2026-02')
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${organizationId}-2026-02.ndjson"`)
    expect(head).toMatchObject({
      organizationId,
      month: '2026-02',
      from: '2026-02-01T00:00:00.000Z',
      to: '2026-03-01T00:00:00.000Z',
      finished: true,
    })
    expect(head).toMatchObject({ openingNanos: 5_000_000_000, jwks: `${portalUrl}/api/jwks.json`, algorithm: 'EdDSA' })
    const entries = entriesOf(body)
    expect(entries.map(({ cause, reference }) => `${cause} ${reference}`)).toEqual([
      `topup top_${id}`,
      ...[late, plain, media, own, capped].map((event) => `request ${event.request.requestId}`),
      `refund re_${id}`,
      ...[expired, truth].map((event) => `request ${event.request.requestId}`),
    ])
    // Also in the month whose last moment the credit was: why is between the operators.
    expect(entriesOf((await statementOf(organizationId, '2026-01')).body)).toMatchObject([{ cause: 'operator', reference: null }])
    expect(answer.text).not.toMatch(/between operators|credit:/)
    const shown = { model: 'model', estimated: false, capped: false }
    expect(entries[2]?.request).toEqual({
      ...shown,
      usage: plain.settlement.usage,
      priceVersionId: 'prc_text',
      costNanos: plain.settlement.costNanos,
    })
    expect(entries[3]?.request?.usage).toEqual(media.settlement.usage)
    expect(entries[7]).toMatchObject({ adjusted: true, amountNanos: expired.amountNanos })
    expect(entries[7]?.request).toBeUndefined()
    expect(entries[8]).toMatchObject({
      kind: 'adjustment',
      settledNanos: expired.amountNanos,
      request: { costNanos: truth.settlement.costNanos },
    })
    const sum = entries.reduce((total, { amountNanos }) => total + amountNanos, 0)
    expect(seal).toMatchObject({
      iss: portalUrl,
      sub: organizationId,
      month: '2026-02',
      lines: lines.length - 1,
      openingNanos: 5_000_000_000,
    })
    expect(seal.closingNanos).toBe(head.openingNanos + sum)
    expect((await statementOf(organizationId, '2026-03')).head.openingNanos).toBe(seal.closingNanos)
    const verdict = await verify({ file: answer.text, keys: await published() })
    const costs = [late, plain, media, own, capped, truth].reduce((total, { settlement }) => total + settlement.costNanos, 0)
    expect([verdict.code, verdict.errors]).toEqual([0, ''])
    expect(verdict.output).toContain(
      `opening 5000000000, credits ${seal.creditsNanos}, debits ${seal.debitsNanos}, closing ${seal.closingNanos}; requests cost ${costs}`,
    )
  })

  test('of a month that is not over is of what is booked so far, and says so; one in which nothing was booked is not there', async () => {
    const organizationId = await newOrganization()
    const month = new Date().toISOString().slice(0, 7)
    const event = request(new Date().toISOString(), { inputTokens: 5 })
    await post(organizationId, `credit:${organizationId}`, 5, '2026-01-15T00:00:00Z')
    await recordUsage(stage.db, [{ organizationId, events: [event] }])
    expect((await ask(organizationId, '')).json).toEqual({
      data: [
        { month, finished: false },
        { month: '2026-01', finished: true },
      ],
    })
    const { answer, head, seal } = await statementOf(organizationId, month)
    expect([head.finished, seal.finished, head.openingNanos, seal.closingNanos]).toEqual([false, false, 5, 5 + event.amountNanos])
    expect((await verify({ file: answer.text, keys: await published() })).output).toContain(`${month} (so far)`)
    for (const other of ['2026-02', '2025-12', '2099-12', '2026-13', '1999-01', '%00'])
      expect((await ask(organizationId, `/${other}`)).status).toBe(404)
    const empty = await newOrganization()
    expect((await ask(empty, '')).json).toEqual({ data: [] })
    expect((await ask(empty, `/${month}`)).status).toBe(404)
  })

  test('is not there for another tenant, and not for who may not read the ledger', async () => {
    const { organizationId } = await customer()
    const [stranger, developer] = [await stage.person(), await stage.person()]
    const shared = await stage.organization([[developer, 'developer']])
    for (const path of ['', '/2026-02']) {
      expect((await ask(organizationId, path, stranger)).status).toBe(404)
      expect((await ask(shared, path, developer)).status).toBe(403)
    }
  })

  test('of entries whose numbers and times are out of order has each in one month, and the balances follow on', async () => {
    const organizationId = await newOrganization()
    const edgeMs = Date.UTC(2026, 2, 1)
    // Numbered in this order, each dated by when it began to wait for the lock.
    const rows = Array.from({ length: 300 }, (_, n) => {
      const numberedMs = edgeMs + (n - 150) * 60_000
      return {
        organizationId,
        eventId: `credit:${organizationId}${n}`,
        kind: 'credit' as const,
        amountNanos: 1 + n,
        createdAt: new Date(numberedMs - ((n * 7_919) % 60) * 59_000),
      }
    })
    await stage.db.insert(ledgerEntries).values(rows)
    const balanceNanos = rows.reduce((sum, { amountNanos }) => sum + amountNanos, 0)
    await stage.db.update(organizations).set({ balanceNanos }).where(eq(organizations.id, organizationId))
    expect((await ask(organizationId, '')).json).toMatchObject({ data: [{ month: '2026-03' }, { month: '2026-02' }] })
    const [february, march] = [await statementOf(organizationId, '2026-02'), await statementOf(organizationId, '2026-03')]
    const amountsOf = ({ body }: typeof march) => entriesOf(body).map(({ amountNanos }) => amountNanos)
    const expected = (isEarly: boolean) =>
      rows.filter(({ createdAt }) => createdAt.getTime() < edgeMs === isEarly).map(({ amountNanos }) => amountNanos)
    expect(amountsOf(february)).toEqual(expected(true))
    expect(amountsOf(march)).toEqual(expected(false))
    expect([february.head.openingNanos, march.head.openingNanos, march.seal.closingNanos]).toEqual([
      0,
      february.seal.closingNanos,
      balanceNanos,
    ])
  })
})

describe('the verifier', () => {
  test('is served as it is shipped', async () => {
    const { status, headers, text: program } = await stage.call('GET', '/api/statements/verify-statement.mjs')
    expect([status, headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(program).toContain('compactVerify')
  })

  test('finds every line that is dropped, changed, put elsewhere or doubled', async () => {
    const organizationId = await newOrganization()
    await post(organizationId, `topup:top_${organizationId}`, 9_000, '2026-02-02T00:00:00Z')
    await book(organizationId, request('2026-02-03T10:00:00Z', { inputTokens: 99, outputTokens: 7 }), '2026-02-03T10:00:02Z')
    const { lines } = await statementOf(organizationId, '2026-02')
    const keys = await published()
    const fileOf = (of: string[]) => of.map((line) => `${line}\n`).join('')
    const tampered = lines.flatMap((line, at) => [
      lines.toSpliced(at, 1),
      lines.toSpliced(
        at,
        1,
        line.replace(/[0-9](?=[^0-9]*$)/, (digit) => String((Number(digit) + 1) % 10)),
      ),
      lines.toSpliced(at, 0, line),
      ...(at > 0 ? [lines.toSpliced(at - 1, 2, line, lines[at - 1] ?? '')] : []),
    ])
    expect(tampered).toHaveLength(5 * 4 - 1)
    const verdicts = await verifyEach([lines, ...tampered].map((each) => ({ file: fileOf(each), keys })))
    expect(verdicts.map(({ code, errors }) => [code, /^line \d+: /.test(errors)])).toEqual([[0, false], ...tampered.map(() => [1, true])])
  })
})
