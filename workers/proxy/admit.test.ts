import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type { RefusalReason, Room } from '#shared/contracts/ledger.ts'
import { admit, errorOfRefusal } from './admit.ts'
import { factsOf } from './exchange.ts'
import { exchangeWith } from './testing/exchange.ts'
import { ScriptedLedger, standing } from './testing/scripted-ledger.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue(undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const snapshot: AccountSnapshot = {
  organizationId: 'org_1',
  status: 'active',
  balanceNanos: 1_000,
  overdraftNanos: 0,
  version: 3,
  limits: {},
  keys: [],
}

/** Asks a scripted ledger for a request that may cost 600 nano-dollars by its bytes and 200 when it is counted. */
function ask(ledger: ScriptedLedger, known: { snapshot?: AccountSnapshot } = {}) {
  const later: Promise<unknown>[] = []
  const exchange = exchangeWith(ledger, {}, later)
  const request = factsOf(exchange, { keyId: 'key_1', model: 'm', priceVersionId: 'prc_1', path: '/v1/chat/completions' })
  const reference = { request, holdNanos: 600, reservedTokens: 10 }
  const counted = { ...reference, holdNanos: 200 }
  const hold = { reference, tighter: async ({ holdNanos }: Room) => (holdNanos < 200 ? null : counted), advice: () => '' }
  const admission = admit(exchange, { keyId: 'key_1', keyHash: 'hash', organizationId: 'org_1', ...known }, hold)
  return { admission, reference, counted, requestId: exchange.requestId, later }
}

/** A ledger that fails so often, with an error marked as the platform marks its own. */
function failing(times: number, marks: object = {}): ScriptedLedger {
  const ledger = new ScriptedLedger()
  const { answer } = ledger
  ledger.answer = () => {
    if (ledger.admitted.length <= times) throw Object.assign(new Error('object is away'), marks)
    return answer()
  }
  return ledger
}

test('an admission asks for all that was bounded, also when it brings the account along', async () => {
  for (const known of [{}, { snapshot }]) {
    const ledger = new ScriptedLedger()
    const { admission, reference } = ask(ledger, known)
    expect(await admission).toMatchObject({ reference, organizationId: 'org_1' })
    expect(ledger.admitted).toEqual([{ ...reference, ...known }])
  }
})

test('a request that fits only when it is counted lives with what it was admitted for', async () => {
  const ledger = new ScriptedLedger()
  const { answer } = ledger
  const room = { holdNanos: 250, tokens: null }
  const refusal = { outcome: 'refused', reason: 'in_flight_budget', retryAfterMs: 1_000, standing, room } as const
  ledger.answer = () => (ledger.admitted.at(-1)?.holdNanos === 200 ? answer() : refusal)
  const { admission, reference, counted } = ask(ledger)
  expect((await admission).reference).toEqual(counted)
  expect(ledger.admitted).toEqual([reference, counted])
})

describe('nothing is admitted', () => {
  test.each(Object.keys(errorOfRefusal) as RefusalReason[])('when the ledger says %s', async (reason) => {
    for (const retryAfterMs of [null, 1_000]) {
      const ledger = new ScriptedLedger()
      ledger.answer = () => ({ outcome: 'refused', reason, retryAfterMs, standing, room: null })
      await expect(ask(ledger).admission).rejects.toMatchObject({ code: errorOfRefusal[reason] })
    }
  })

  test('when the ledger wants an account that cannot be read', async () => {
    const ledger = new ScriptedLedger()
    ledger.answer = () => ({ outcome: 'snapshot_required' })
    await expect(ask(ledger).admission).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('when the ledger does not answer, and what it may hold is given back', async () => {
    const ledger = failing(1)
    const { admission, requestId, later } = ask(ledger)
    await expect(admission).rejects.toMatchObject({ code: 'unavailable' })
    await Promise.all(later)
    expect(ledger.admitted).toHaveLength(1)
    expect(ledger.released).toEqual([requestId])
  })
})

test('a call that may be repeated is repeated once, as it was', async () => {
  const ledger = failing(1, { retryable: true })
  const { admission, reference } = ask(ledger)
  expect(await admission).toMatchObject({ reference })
  expect(ledger.admitted).toEqual([reference, reference])
  expect(ledger.released).toEqual([])
})

test.each([
  ['an overload, which it would make worse', { retryable: true, overloaded: true }, 1],
  ['a second failure', { retryable: true }, 2],
])('it is not repeated after %s', async (_, marks, calls) => {
  const ledger = failing(Number.POSITIVE_INFINITY, marks)
  await expect(ask(ledger).admission).rejects.toMatchObject({ code: 'unavailable' })
  expect(ledger.admitted).toHaveLength(calls)
})
