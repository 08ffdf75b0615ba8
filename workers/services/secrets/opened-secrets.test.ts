import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { SecretPlace } from '#shared/contracts/sealed-secret.ts'
import type { KeyRing } from './key-ring.ts'
import { OpenedSecrets } from './opened-secrets.ts'
import { sealSecret } from './seal.ts'
import { keyRingOf } from './settings.ts'

beforeEach(() => {
  vi.useFakeTimers()
  isAway = false
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const place: SecretPlace = { organizationId: 'org_a', table: 'provider_credentials', row: 'byk_a', purpose: 'api_key' }
const ring = keyRingOf({ KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify({ a: btoa('a'.repeat(32)) }) })

/** The ring for as long as it is there. */
let isAway = false
const keys = (): KeyRing => {
  if (isAway) throw new Error('away')
  return ring
}

test('a secret is opened once in five minutes, and known while the keys are away', async () => {
  const unwrap = vi.spyOn(ring.current, 'unwrap')
  const secrets = new OpenedSecrets()
  const stored = await sealSecret(ring, place, 'hush')
  expect(await secrets.open(keys, place, stored)).toBe('hush')
  isAway = true
  vi.advanceTimersByTime(299_999)
  expect(await secrets.open(keys, place, stored)).toBe('hush')
  expect(unwrap).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(1)
  await expect(secrets.open(keys, place, stored)).rejects.toThrow('away')
})

test('whatever is not exactly the known secret is opened anew', async () => {
  const secrets = new OpenedSecrets()
  const stored = await sealSecret(ring, place, 'hush')
  await secrets.open(keys, place, stored)
  expect(await secrets.open(keys, place, await sealSecret(ring, place, 'replaced', 2))).toBe('replaced')
  const rewrapped = { ...stored, ...(await ring.current.rewrap(stored, { ...place, version: 1 })) }
  expect(await secrets.open(keys, place, rewrapped)).toBe('hush')
  for (const [elsewhere, altered] of [
    [{ organizationId: 'org_b' }, {}],
    [{ table: 'webhook_endpoints' }, {}],
    [{ row: 'byk_b' }, {}],
    [{ purpose: 'signing_key' }, {}],
    [{}, { version: 2 }],
    [{}, { kekId: 'b' }],
    [{}, { wrappedDek: rewrapped.wrappedDek.toLowerCase() }],
    [{}, { sealed: stored.sealed.toLowerCase() }],
  ]) {
    await expect(secrets.open(keys, { ...place, ...elsewhere }, { ...stored, ...altered })).rejects.toThrow()
  }
})

test('what cannot be opened is not remembered', async () => {
  const secrets = new OpenedSecrets()
  const stored = await sealSecret(ring, place, 'hush')
  vi.spyOn(ring.current, 'unwrap').mockRejectedValueOnce(new Error('for now'))
  await expect(secrets.open(keys, place, stored)).rejects.toThrow('for now')
  expect(await secrets.open(keys, place, stored)).toBe('hush')
})
