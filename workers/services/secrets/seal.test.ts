import { describe, expect, test } from 'vitest'
import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import { KekFailure, type KeyRing } from './key-ring.ts'
import { openSecret } from './open.ts'
import { sealSecret } from './seal.ts'
import { keyRingOf } from './settings.ts'

/** Secrets sealed, each with one bit turned over: every field two thousand times. */
const pairs = 10_000

const place: SecretPlace = { organizationId: 'org_a', table: 'provider_credentials', row: 'byk_a', purpose: 'api_key' }
const newKey = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
const localRing = (keys: Record<string, string>, currentId: string): KeyRing =>
  keyRingOf({ KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify(keys), LOCAL_KEK_ID: currentId })

// Ids one bit apart and with the same key, so that only what they are bound to keeps them apart.
const shared = newKey()
const ring = localRing({ k0: shared, k1: shared, k2: newKey() }, 'k0')

const failureOf = async (opening: Promise<string>): Promise<KekFailure> => {
  const failure = await opening.then(
    () => 'it opened',
    (error: unknown) => error,
  )
  if (!(failure instanceof KekFailure)) throw new Error(`no KekFailure: ${failure}`)
  return failure
}

const fields = ['version', 'kek', 'kekId', 'wrappedDek', 'sealed'] as const

/** The stored form with one bit of one field turned over: of the number, or of one character of a text. */
function flipped(secret: SealedSecret, field: (typeof fields)[number]): SealedSecret {
  const value = secret[field]
  if (typeof value === 'number') return { ...secret, version: value ^ (1 << Math.floor(Math.random() * 31)) }
  const at = Math.floor(Math.random() * value.length)
  const turned = String.fromCharCode(value.charCodeAt(at) ^ (1 << Math.floor(Math.random() * 8)))
  // The column has no other values, but the database is what is not trusted here.
  return { ...secret, [field]: value.slice(0, at) + turned + value.slice(at + 1) } as SealedSecret
}

test('a sealed secret opens, whatever it is made of and in every version', async () => {
  for (const [index, plaintext] of ['x', 'sk-proj-0123456789', '\uFEFFmarked', 'schlüssel 🗝', 'a'.repeat(100_000)].entries()) {
    expect(await openSecret(ring, place, await sealSecret(ring, place, plaintext, index + 1))).toBe(plaintext)
  }
})

test('the same secret is never sealed alike', async () => {
  const [first, second] = [await sealSecret(ring, place, 'hush'), await sealSecret(ring, place, 'hush')]
  expect(first.wrappedDek).not.toBe(second.wrappedDek)
  expect(first.sealed.slice(0, 16)).not.toBe(second.sealed.slice(0, 16))
})

test('with one bit turned over anywhere in its stored form it never opens', { timeout: 120_000 }, async () => {
  const opensAltered = async (pair: number) => {
    const field = fields[pair % fields.length] ?? 'sealed'
    // Lengths of every remainder by three, so that some texts end in bits that stand for nothing.
    const stored = await sealSecret(ring, place, 's'.repeat(1 + (pair % 7)))
    const altered = flipped(stored, field)
    const failure = await failureOf(openSecret(ring, place, altered)).catch(() => null)
    return failure?.reason === 'unreadable' ? [] : [{ stored, altered }]
  }
  for (let done = 0; done < pairs; done += 250) {
    const batch = Array.from({ length: 250 }, (_, index) => opensAltered(done + index))
    expect((await Promise.all(batch)).flat()).toEqual([])
  }
})

describe('it opens nowhere else', () => {
  test.each<[string, Partial<SecretPlace>, Partial<SealedSecret>]>([
    ['of another customer', { organizationId: 'org_b' }, {}],
    ["as the platform's own", { organizationId: null }, {}],
    ['in another table', { table: 'webhook_endpoints' }, {}],
    ['in another row', { row: 'byk_b' }, {}],
    ['for another purpose', { purpose: 'signing_key' }, {}],
    ['with its fields shifted by one', { table: 'provider_credentials","byk_a', row: 'api_key' }, {}],
    ['as another version', {}, { version: 2 }],
  ])('%s', async (_, elsewhere, altered) => {
    const stored = { ...(await sealSecret(ring, place, 'hush')), ...altered }
    expect((await failureOf(openSecret(ring, { ...place, ...elsewhere }, stored))).reason).toBe('unreadable')
  })

  test('with the wrapped key of another secret of the same place', async () => {
    const [one, other] = [await sealSecret(ring, place, 'one'), await sealSecret(ring, place, 'other')]
    expect((await failureOf(openSecret(ring, place, { ...one, wrappedDek: other.wrappedDek }))).reason).toBe('unreadable')
  })
})

test("the platform's own is not a customer of the name null", async () => {
  const own = { ...place, organizationId: null }
  const stored = await sealSecret(ring, own, 'hush')
  expect(await openSecret(ring, own, stored)).toBe('hush')
  expect((await failureOf(openSecret(ring, { ...place, organizationId: 'null' }, stored))).reason).toBe('unreadable')
})

test('a key that is no longer current opens what it wrapped, for as long as it is configured', async () => {
  const [old, young] = [newKey(), newKey()]
  const stored = await sealSecret(localRing({ old }, 'old'), place, 'hush')
  expect(await openSecret(localRing({ old, young }, 'young'), place, stored)).toBe('hush')
  expect((await sealSecret(localRing({ old, young }, 'young'), place, 'hush')).kekId).toBe('young')
  expect((await failureOf(openSecret(localRing({ young }, 'young'), place, stored))).reason).toBe('unreadable')
  expect((await failureOf(openSecret(localRing({ old: young }, 'old'), place, stored))).reason).toBe('unreadable')
})

test('no failure tells anything of the secret or of a key', async () => {
  const stored = await sealSecret(ring, place, 'hush-hush')
  const failures = [
    await failureOf(openSecret(ring, place, { ...stored, sealed: `${stored.sealed}!` })),
    await failureOf(openSecret(ring, place, { ...stored, kekId: 'gone' })),
    await failureOf(openSecret(ring, place, { ...stored, wrappedDek: stored.sealed })),
    await failureOf(openSecret(ring, { ...place, row: 'byk_b' }, stored)),
    await failureOf(openSecret({ ...ring, providers: new Map() }, place, stored)),
  ]
  const told = failures.map((failure) => `${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).join()
  for (const hidden of ['hush-hush', shared, stored.sealed, stored.wrappedDek]) expect(told).not.toContain(hidden)
})
