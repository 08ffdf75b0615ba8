import { expect } from 'vitest'
import { maxAmountNanos } from '#shared/values/money.ts'
import {
  type Books,
  type LedgerEntry,
  type Prices,
  postedEventIds,
  type RequestLog,
  readBooks,
  readPrices,
  type UsageRecord,
} from './books.ts'
import type { Customer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { reportedBy, type Truth, truthSince } from './truth.ts'

/** From settlement over queue and Postgres to confirmation takes three seconds; a lease that must run out adds to it. */
const restTimeoutMs = 40_000

/**
 * Waits until nothing of a customer is held or unconfirmed, and asserts that its books agree with one another and with what the upstream
 * says it did: the invariants of ARCHITECTURE.md. Answers the books, for what a test wants to know besides.
 */
export async function expectSoundBooks(customer: Customer, timeoutMs = restTimeoutMs): Promise<Books> {
  await expectRest(customer, timeoutMs)
  const books = await readBooks(customer.organizationId)
  const truth = await truthSince(customer.createdAtMs)
  expectBalance(books)
  expectOneSettlementEach(books)
  for (const record of books.records) {
    const log = books.logs.find((each) => each.requestId === record.requestId)
    const told = truth.filter((each) => each.relayRequestId === record.requestId)
    expectRecordOf(record, told, log)
    expectLog(record, log)
  }
  expect(books.logs.length).toBe(books.records.length)
  await expectPrices(books.records)
  expectDays(books)
  return books
}

/** What one request of a customer was charged, after `expectSoundBooks`. */
export function recordOf({ records }: Books, requestId: string | null): UsageRecord {
  const record = records.find((each) => each.requestId === requestId)
  if (!record) throw new Error(`There is no usage record of ${requestId}`)
  return record
}

/** Nothing held, nothing unconfirmed, and every request that reached the upstream posted. */
async function expectRest(customer: Customer, timeoutMs: number): Promise<void> {
  const state = async () => {
    const { ledger } = await customer.detail()
    const { entries } = await readBooks(customer.organizationId)
    const posted = new Set(entries.map((entry) => entry.eventId))
    const asked = (await truthSince(customer.createdAtMs)).map((each) => each.relayRequestId ?? '')
    const unposted = customer.requestIds.filter((id) => asked.includes(id) && !posted.has(`${id}:settlement`))
    return { heldNanos: ledger?.heldNanos, unconfirmedNanos: ledger?.unconfirmedNanos, unposted }
  }
  await expectEventually(state, { heldNanos: 0, unconfirmedNanos: 0, unposted: [] }, timeoutMs)
}

function expectBalance({ account, entries }: Books): void {
  const sum = entries.reduce((total, entry) => total + BigInt(entry.amountNanos), 0n)
  expect(BigInt(account.balanceNanos), 'balance is the sum of the entries').toBe(sum)
  expect(account.balanceNanos, 'the floor').toBeGreaterThanOrEqual(-account.overdraftNanos)
  for (const { amountNanos } of entries) {
    expect(Number.isSafeInteger(amountNanos) && Math.abs(amountNanos) <= maxAmountNanos, `amount ${amountNanos}`).toBe(true)
  }
}

/** A settlement for each record and a record for each settlement; an adjustment only on top of one. */
function expectOneSettlementEach({ entries, records }: Books): void {
  const idsOf = (kind: LedgerEntry['kind']) => entries.filter((entry) => entry.kind === kind).map((entry) => entry.eventId)
  const recorded = records.map((record) => `${record.requestId}:settlement`)
  expect(idsOf('settlement').toSorted()).toEqual(recorded.toSorted())
  expect(new Set(recorded).size, 'one record a request').toBe(records.length)
  for (const eventId of idsOf('adjustment')) expect(recorded).toContain(eventId.replace(/:adjustment$/, ':settlement'))
  for (const record of records) {
    const of = entries.filter((entry) => entry.eventId.startsWith(`${record.requestId}:`))
    const charged = of.reduce((sum, entry) => sum - entry.amountNanos, 0)
    expect(charged, `entries of ${record.requestId}`).toBe(record.costNanos)
  }
}

/** One upstream did the work, and those asked before it had refused; what it reported is what is recorded, and what it did not report is an estimate or free. */
function expectRecordOf(record: UsageRecord, told: Truth[], log: RequestLog | undefined): void {
  const truth = told.at(-1)
  const worked = told.slice(0, -1).filter(({ outcome }) => outcome !== 'refused')
  expect(worked, `${record.requestId} was worked on once`).toEqual([])
  if (!truth) {
    expect(record.costNanos, `${record.requestId} reached no upstream`).toBe(0)
    expect([log?.outcome, log?.status]).toEqual(log?.outcome === 'client_left' ? ['client_left', null] : ['upstream_error', 503])
    return
  }
  expect(truth.outcome, `${record.requestId} at the upstream`).not.toBe('running')
  const reported = reportedBy(truth)
  const isWhole = truth.outcome === 'completed' && !wasInsured(record, log)
  if (isByThePiece(record)) expect([truth.status, record.estimated], `${record.requestId} is sold by the piece`).toEqual([200, false])
  // A provider that reports as it goes has reported a part of what broke off, and that is charged.
  else if (reported && (isWhole || (record.costNanos > 0 && !record.estimated))) {
    expect(usedBy(record), `usage of ${record.requestId}`).toEqual(reported)
    expect(record.estimated, `${record.requestId} was reported`).toBe(false)
  } else if (record.estimated) expect(truth.status, `${record.requestId} is estimated`).toBe(200)
  else expect(record.costNanos, `${record.requestId} is neither reported nor estimated`).toBe(0)
}

/** All kinds of tokens together, as an upstream reports them. */
function usedBy(record: UsageRecord) {
  const { inputTokens, outputTokens, reasoningTokens, units } = record
  return {
    input: (inputTokens ?? 0) + (units?.inputAudioTokens ?? 0) + (units?.inputImageTokens ?? 0),
    cacheRead: record.cacheReadTokens ?? 0,
    written5m: record.cacheWrite5mTokens ?? 0,
    written1h: record.cacheWrite1hTokens ?? 0,
    output: (outputTokens ?? 0) + (units?.outputAudioTokens ?? 0) + (units?.outputImageTokens ?? 0),
    reasoning: reasoningTokens ?? 0,
    searches: units?.webSearches ?? 0,
    audioMs: units?.audioMs ?? 0,
  }
}

/** Charged for what was asked for or delivered, whatever the upstream reports beside it. */
function isByThePiece({ units }: UsageRecord): boolean {
  return units?.images !== undefined || units?.characters !== undefined
}

/** A finished answer that could not be read whole (a truncated body) is an error to the client, and free. */
function wasInsured(record: UsageRecord, log: RequestLog | undefined): boolean {
  return record.costNanos === 0 && (log?.status ?? 0) >= 500
}

function expectLog(record: UsageRecord, log: RequestLog | undefined): void {
  const inputs = [record.inputTokens, record.cacheReadTokens, record.cacheWrite5mTokens, record.cacheWrite1hTokens]
  const known = inputs.filter((tokens) => tokens !== null)
  expect(log, `request log of ${record.requestId}`).toMatchObject({
    keyId: record.keyId,
    model: record.model,
    provider: record.upstream,
    inputTokens: known.length === 0 ? null : known.reduce((sum, tokens) => sum + tokens, 0),
    outputTokens: record.outputTokens,
    createdAt: record.startedAt,
  })
}

async function expectPrices(records: UsageRecord[]): Promise<void> {
  const prices = new Map((await readPrices()).map((price) => [price.id, price]))
  for (const record of records) {
    // What a customer's own key served is paid at its provider.
    if (record.credentialId !== null || record.priceVersionId === 'byok') {
      expect([record.costNanos, record.priceVersionId], `cost of ${record.requestId}`).toEqual([0, 'byok'])
      continue
    }
    const price = prices.get(record.priceVersionId)
    if (!price) throw new Error(`${record.requestId} has no price`)
    const picos =
      tokenPicos(record.inputTokens, price.inputPicos) +
      tokenPicos(record.cacheReadTokens, price.cacheReadPicos) +
      tokenPicos(record.cacheWrite5mTokens, price.cacheWrite5mPicos) +
      tokenPicos(record.cacheWrite1hTokens, price.cacheWrite1hPicos) +
      tokenPicos(record.outputTokens, price.outputPicos) +
      unitPicos(record.units ?? {}, price)
    const exactNanos = (picos + 999n) / 1_000n
    if (record.capped) expect(BigInt(record.costNanos)).toBeLessThan(exactNanos)
    else expect(BigInt(record.costNanos), `cost of ${record.requestId}`).toBe(exactNanos)
  }
}

/** What is not text, at its own price; tokens without one cost what text does. */
function unitPicos(used: NonNullable<UsageRecord['units']>, { inputPicos, outputPicos, units }: Prices): bigint {
  return (
    tokenPicos(used.inputAudioTokens, units.inputAudioPicos ?? inputPicos) +
    tokenPicos(used.inputImageTokens, units.inputImagePicos ?? inputPicos) +
    tokenPicos(used.outputAudioTokens, units.outputAudioPicos ?? outputPicos) +
    tokenPicos(used.outputImageTokens, units.outputImagePicos ?? outputPicos) +
    tokenPicos(used.characters, units.characterPicos ?? 0) +
    // A nano a second is a pico a millisecond; a nano a piece is a thousand picos.
    tokenPicos(used.audioMs, units.secondNanos ?? 0) +
    1_000n * (tokenPicos(used.images, units.imageNanos ?? 0) + tokenPicos(used.webSearches, units.webSearchNanos ?? 0))
  )
}

function tokenPicos(tokens: number | null | undefined, picos: number): bigint {
  return BigInt(tokens ?? 0) * BigInt(picos)
}

function expectDays({ days, records }: Books): void {
  const sumOf = (values: (number | null)[]) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
  for (const day of days) {
    const isOfDay = (record: UsageRecord) =>
      record.keyId === day.keyId && record.model === day.model && record.settledAt.toISOString().slice(0, 10) === day.day
    const some = records.filter(isOfDay)
    expect(day, 'daily sums').toMatchObject({
      requests: some.length,
      inputTokens: sumOf(some.map((record) => record.inputTokens)),
      cacheReadTokens: sumOf(some.map((record) => record.cacheReadTokens)),
      outputTokens: sumOf(some.map((record) => record.outputTokens)),
      reasoningTokens: sumOf(some.map((record) => record.reasoningTokens)),
      costNanos: sumOf(some.map((record) => record.costNanos)),
    })
  }
  expect(sumOf(days.map((day) => day.requests)), 'every record is in a day').toBe(records.length)
}

/** Whatever any customer caused, the relay asked the upstream for nothing that was not settled. */
export async function expectNothingUnsettled(timeoutMs = restTimeoutMs): Promise<void> {
  const unsettled = async () => {
    const posted = await postedEventIds()
    const asked = await truthSince(0)
    return asked.filter((each) => !posted.has(`${each.relayRequestId}:settlement`)).map((each) => each.relayRequestId)
  }
  await expectEventually(unsettled, [], timeoutMs)
}
