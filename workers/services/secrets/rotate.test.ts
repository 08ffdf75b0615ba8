import { asc, eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { insertSecret } from '#db/queries/insert-secret.ts'
import { saveRewrappedSecret } from '#db/queries/save-rewrapped-secret.ts'
import { secrets } from '#db/schema/index.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { newCustomer } from '#db/testing/usage-events.ts'
import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import type { SecretRotation } from '#shared/contracts/secret-rotation.ts'
import type { KeyRing } from './key-ring.ts'
import { openSecret } from './open.ts'
import { type RotationPage, rotateSecrets } from './rotate.ts'
import { sealSecret } from './seal.ts'
import { type KekSettings, keyRingOf } from './settings.ts'
import { readSecretStatus } from './status.ts'
import { ScriptedKms } from './testing/scripted-kms.ts'

let database: TestDatabase
let kms: ScriptedKms
let organizationId: string
beforeAll(async () => {
  ;[database, kms] = await Promise.all([startTestDatabase(), new ScriptedKms().start()])
  organizationId = await newCustomer(database.db)
})
afterAll(async () => {
  kms?.stop()
  await database?.stop()
})
beforeEach(async () => {
  kms.refusal = undefined
  await database.db.delete(secrets)
})

const newKeks = (...ids: string[]) =>
  JSON.stringify(Object.fromEntries(ids.map((id) => [id, Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')])))
const localOf = (LOCAL_KEKS: string, LOCAL_KEK_ID: string): KekSettings => ({ KMS_PROVIDER: 'local', LOCAL_KEKS, LOCAL_KEK_ID })

const placeOf = (index: number, customer: string | null = index % 2 === 0 ? organizationId : null): SecretPlace => ({
  organizationId: customer,
  table: 'provider_credentials',
  row: `byk_${String(index).padStart(3, '0')}`,
  purpose: 'api_key',
})
const nameOf = (index: number) => `provider_credentials/${placeOf(index).row}/api_key`
const plaintextOf = (index: number) => `sk-${index}`

async function store(ring: KeyRing, place: SecretPlace, plaintext: string, version = 1): Promise<SealedSecret> {
  const sealed = await sealSecret(ring, place, plaintext, version)
  await database.db.execute(insertSecret(place, sealed))
  return sealed
}

async function replace({ row }: SecretPlace, sealed: SealedSecret): Promise<void> {
  await database.db.update(secrets).set(sealed).where(eq(secrets.ownerId, row))
}

async function storeMany(ring: KeyRing, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await store(ring, placeOf(index), plaintextOf(index), 1 + (index % 3))
}

const stored = () => database.db.select().from(secrets).orderBy(asc(secrets.ownerId))

/** Every stored secret opened with this ring, by the place that its row names. */
async function openAll(ring: KeyRing): Promise<string[]> {
  const rows = await stored()
  return Promise.all(
    rows.map(({ ownerTable, ownerId, ...row }) =>
      openSecret(ring, { table: ownerTable, row: ownerId, purpose: row.purpose, organizationId: row.organizationId }, row),
    ),
  )
}

const onePage = (ring: KeyRing, page: Partial<RotationPage> = {}) =>
  rotateSecrets(database.db, ring, { limit: 100, budgetMs: 60_000, ...page })

async function allPages(ring: KeyRing, limit: number): Promise<SecretRotation[]> {
  const pages = [await onePage(ring, { limit })]
  for (let next = pages[0]?.next; next; next = pages.at(-1)?.next) pages.push(await onePage(ring, { limit, after: next }))
  return pages
}

describe('a rotation brings every secret under the current key, and the old one may go', () => {
  const keks = newKeks('old', 'young')
  const onlyYoung = JSON.stringify({ young: JSON.parse(keks).young })
  test.each<[string, () => { before: KekSettings; during: KekSettings; after: KekSettings; isRewrapped: boolean }]>([
    [
      'from one local key to another',
      () => ({ before: localOf(keks, 'old'), during: localOf(keks, 'young'), after: localOf(onlyYoung, 'young'), isRewrapped: true }),
    ],
    [
      'from local to AWS',
      () => {
        const aws = { ...kms.newKey(), KMS_PROVIDER: 'aws' }
        return { before: localOf(keks, 'old'), during: { ...localOf(keks, 'old'), ...aws }, after: aws, isRewrapped: false }
      },
    ],
    [
      'from AWS to local',
      () => {
        const aws = { ...kms.newKey(), KMS_PROVIDER: 'aws' }
        const local = localOf(onlyYoung, 'young')
        return { before: aws, during: { ...aws, ...local }, after: local, isRewrapped: false }
      },
    ],
    [
      'from one key of AWS to another',
      () => {
        const [before, after] = [kms.newKey(), kms.newKey()].map((key) => ({ ...key, KMS_PROVIDER: 'aws' }))
        return { before: { ...before }, during: { ...after }, after: { ...after }, isRewrapped: true }
      },
    ],
  ])('%s', async (_, settingsOf) => {
    const { before, during, after, isRewrapped } = settingsOf()
    await storeMany(keyRingOf(before), 7)
    const old = await stored()
    kms.asked.length = 0
    const pages = await allPages(keyRingOf(during), 3)
    expect(pages.map(({ rotated }) => rotated)).toEqual([3, 3, 1])
    expect(pages.every(({ overtaken, failed, stopped }) => overtaken + failed.length === 0 && stopped === null)).toBe(true)
    // Within a provider the secret stays sealed as it is, and KMS never shows its key.
    expect((await stored()).every((row, index) => (row.sealed === old[index]?.sealed) === isRewrapped && row.rewrappedAt !== null)).toBe(
      true,
    )
    if (isRewrapped) expect(kms.asked.every(({ operation }) => operation === 'ReEncrypt')).toBe(true)
    expect(await openAll(keyRingOf(after))).toEqual(Array.from({ length: 7 }, (_unused, index) => plaintextOf(index)))
    const again = await stored()
    expect(await onePage(keyRingOf(during))).toEqual({ rotated: 0, overtaken: 0, failed: [], next: null, stopped: null })
    expect(await stored()).toEqual(again)
  })
})

const keks = newKeks('old', 'young')
const oldRing = () => keyRingOf(localOf(keks, 'old'))
const youngRing = () => keyRingOf(localOf(keks, 'young'))
const everything = (count: number) => Array.from({ length: count }, (_, index) => plaintextOf(index))

test('an interrupted rotation leaves every secret readable, and the next one does the rest', async () => {
  await storeMany(oldRing(), 6)
  expect(await onePage(youngRing(), { limit: 2 })).toMatchObject({ rotated: 2, next: nameOf(1) })
  expect(await openAll(youngRing())).toEqual(everything(6))
  expect(await readSecretStatus(database.db, youngRing())).toEqual({
    keys: [
      { kek: 'local', kekId: 'old', secrets: 4, isCurrent: false, problem: null },
      { kek: 'local', kekId: 'young', secrets: 2, isCurrent: true, problem: null },
    ],
  })
  expect(await onePage(youngRing())).toMatchObject({ rotated: 4, next: null })
  expect(await openAll(youngRing())).toEqual(everything(6))
})

test('a page that has used up its time ends early, but never without having done anything', async () => {
  await storeMany(oldRing(), 3)
  expect(await onePage(youngRing(), { budgetMs: 0 })).toMatchObject({ rotated: 1, next: nameOf(0) })
  expect(await onePage(youngRing(), { budgetMs: 0, after: nameOf(0) })).toMatchObject({ rotated: 1, next: nameOf(1) })
})

test('several rotations at once do each secret once, and lose none', async () => {
  await storeMany(oldRing(), 12)
  const pages = await Promise.all(Array.from({ length: 4 }, () => onePage(youngRing())))
  expect(pages.reduce((sum, { rotated }) => sum + rotated, 0)).toBe(12)
  expect(await openAll(youngRing())).toEqual(everything(12))
})

test('a secret that is replaced while it is being rotated keeps its replacement', async () => {
  const place = placeOf(0)
  await storeMany(oldRing(), 2)
  const ring = youngRing()
  const rewrap = ring.current.rewrap.bind(ring.current)
  let isFirst = true
  ring.current.rewrap = async (...parameters) => {
    if (isFirst) {
      isFirst = false
      await replace(place, await sealSecret(oldRing(), place, 'replacement', 2))
    }
    return rewrap(...parameters)
  }
  expect(await onePage(ring)).toMatchObject({ rotated: 1, overtaken: 1, failed: [], stopped: null })
  expect(await openAll(oldRing())).toEqual(['replacement', plaintextOf(1)])
  expect(await onePage(youngRing())).toMatchObject({ rotated: 1, overtaken: 0 })
  expect(await openAll(youngRing())).toEqual(['replacement', plaintextOf(1)])
})

test('a rewrapped key is stored only over the one it came from, and only in its own place', async () => {
  const [was, other] = [await store(oldRing(), placeOf(0), 'a'), await store(oldRing(), placeOf(1), 'b')]
  const is = { ...was, ...(await youngRing().current.rewrap(was, { ...placeOf(0), version: 1 })) }
  expect(await saveRewrappedSecret(database.db, placeOf(1), was, is)).toBe(false)
  expect(await saveRewrappedSecret(database.db, placeOf(0), other, is)).toBe(false)
  expect(await saveRewrappedSecret(database.db, placeOf(0), was, is)).toBe(true)
  expect(await saveRewrappedSecret(database.db, placeOf(0), was, is)).toBe(false)
})

test('a secret that no key opens is named, left as it was, and stops no other', async () => {
  await storeMany(oldRing(), 3)
  const moved = await sealSecret(oldRing(), placeOf(9), 'of elsewhere')
  await replace(placeOf(1), moved)
  const lost = await store(keyRingOf(localOf(newKeks('lost'), 'lost')), placeOf(4), 'lost')
  const report = await onePage(youngRing())
  expect(report).toMatchObject({ rotated: 2, overtaken: 0, next: null, stopped: null })
  expect(report.failed).toEqual([
    { name: nameOf(1), reason: 'The wrapped key of this secret was altered, or belongs elsewhere.' },
    { name: nameOf(4), reason: 'The local key that wrapped the key of this secret is not configured.' },
  ])
  expect(JSON.stringify(report)).not.toMatch(/sk-|lost/)
  expect((await stored()).at(-1)).toMatchObject({ ...lost, rewrappedAt: null })
  expect((await readSecretStatus(database.db, youngRing())).keys.map(({ kekId, problem }) => [kekId, problem !== null])).toEqual([
    ['lost', true],
    ['old', true],
    ['young', false],
  ])
})

test('while KMS is away a page stops and says so, and one can go on behind the secret it stopped at', async () => {
  const aws = { ...kms.newKey(), KMS_PROVIDER: 'aws' }
  await store(oldRing(), placeOf(0), plaintextOf(0))
  await store(keyRingOf(aws), placeOf(1), plaintextOf(1))
  await store(oldRing(), placeOf(2), plaintextOf(2))
  const ring = keyRingOf({ ...aws, ...localOf(keks, 'young') })
  kms.refusal = { status: 400, body: '{"__type":"KMSInvalidStateException","message":"arn:aws:kms"}' }
  const stopped = await onePage(ring)
  expect(stopped).toEqual({
    rotated: 1,
    overtaken: 0,
    failed: [],
    next: nameOf(1),
    stopped: 'AWS KMS refuses for now (KMSInvalidStateException).',
  })
  expect(await onePage(ring, { after: nameOf(1) })).toMatchObject({ rotated: 1, stopped: null })
  expect((await readSecretStatus(database.db, ring)).keys).toEqual([
    { kek: 'aws', kekId: aws.KMS_KEY_ID, secrets: 1, isCurrent: false, problem: stopped.stopped },
    { kek: 'local', kekId: 'young', secrets: 2, isCurrent: true, problem: null },
  ])
  kms.refusal = undefined
  expect(await onePage(ring)).toMatchObject({ rotated: 1, stopped: null })
  expect(await openAll(youngRing())).toEqual(everything(3))
})

test('a key of the same id at another provider is another key', async () => {
  await store(youngRing(), placeOf(0), 'hush')
  expect(await onePage(youngRing())).toMatchObject({ rotated: 0, failed: [] })
  await database.db.update(secrets).set({ kek: 'aws' })
  expect((await onePage(youngRing())).failed).toMatchObject([{ name: nameOf(0) }])
})

test('the current key is told even when it wraps nothing yet, and a provider without settings is a problem', async () => {
  await store(keyRingOf({ ...kms.newKey(), KMS_PROVIDER: 'aws' }), placeOf(0), 'hush')
  expect((await readSecretStatus(database.db, youngRing())).keys).toMatchObject([
    { kek: 'aws', secrets: 1, problem: 'The provider that wrapped the key of this secret is not configured.' },
    { kek: 'local', kekId: 'young', secrets: 0, isCurrent: true, problem: null },
  ])
})
