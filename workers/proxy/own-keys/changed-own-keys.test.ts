import { expect, test, vi } from 'vitest'
import type { StandingOutcome } from '#shared/contracts/ledger.ts'
import type { Caller } from '../caller/authenticate.ts'
import { exchangeWith } from '../testing/exchange.ts'
import { ScriptedLedger, standing } from '../testing/scripted-ledger.ts'
import { haveOwnKeysChanged } from './changed-own-keys.ts'

const ownKeys = { version: 3, fallback: false, credentials: [] }
const caller: Caller = { keyId: 'key_1', keyHash: 'h', organizationId: 'org_1', ownKeys }
const snapshot = {
  organizationId: 'org_1',
  status: 'active',
  balanceNanos: 0,
  overdraftNanos: 0,
  version: 1,
  limits: {},
  keys: [],
} as const
const known = (credentialsVersion?: number): StandingOutcome => ({
  outcome: 'known',
  standing,
  heldNanos: 0,
  unconfirmedNanos: 0,
  ...(credentialsVersion !== undefined && { credentialsVersion }),
})

test.each<[string, () => StandingOutcome, boolean]>([
  ['has heard of a later change', () => known(4), true],
  ['knows the same', () => known(3), false],
  ['is behind', () => known(2), false],
  ['has never heard of any', () => known(), false],
  ['refuses the key', () => ({ outcome: 'refused', reason: 'key_unknown' }), false],
])('a refused request is routed anew only when the ledger %s', async (_, stands, changed) => {
  const ledger = new ScriptedLedger()
  ledger.stands = stands
  expect(await haveOwnKeysChanged(exchangeWith(ledger), caller)).toBe(changed)
})

test('a ledger that cannot be asked leaves the refusal as it is', async () => {
  vi.spyOn(console, 'error').mockReturnValue(undefined)
  const ledger = new ScriptedLedger()
  ledger.stands = () => {
    throw new Error('overloaded')
  }
  expect(await haveOwnKeysChanged(exchangeWith(ledger), caller)).toBe(false)
})

test('what was just read from Postgres is not doubted, so that a request is routed anew once', async () => {
  const ledger = new ScriptedLedger()
  ledger.stands = () => known(9)
  expect(await haveOwnKeysChanged(exchangeWith(ledger), { ...caller, snapshot: { ...snapshot, keys: [] } })).toBe(false)
})
