import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { SecretPlace } from '#shared/contracts/sealed-secret.ts'
import { AwsKek } from './aws-kek.ts'
import { KekFailure, type KeyRing } from './key-ring.ts'
import { openSecret } from './open.ts'
import { sealSecret } from './seal.ts'
import { ScriptedKms } from './testing/scripted-kms.ts'

let kms: ScriptedKms
beforeAll(async () => {
  kms = await new ScriptedKms().start()
})
afterAll(() => kms?.stop())
beforeEach(() => {
  kms.asked.length = 0
  kms.refusal = undefined
  kms.isSilent = false
})

const place: SecretPlace = { organizationId: 'org_a', table: 'provider_credentials', row: 'byk_a', purpose: 'api_key' }
const context = { customer: 'org_a', table: 'provider_credentials', row: 'byk_a', purpose: 'api_key', version: '3' }
const ringOf = (kek: AwsKek): KeyRing => ({ current: kek, providers: new Map([[kek.name, kek]]) })

const failureOf = async (work: Promise<unknown>): Promise<KekFailure> => {
  const failure = await work.then(
    () => 'nothing failed',
    (error: unknown) => error,
  )
  if (!(failure instanceof KekFailure)) throw new Error(`no KekFailure: ${failure}`)
  return failure
}

test('each operation is signed, names its key, and tells KMS the context of the secret', async () => {
  const kek = kms.newKek()
  const stored = await sealSecret(ringOf(kek), place, 'hush', 3)
  expect(await openSecret(ringOf(kek), place, stored)).toBe('hush')
  const moved = await kek.rewrap(stored, { ...place, version: 3 })
  expect(moved.wrappedDek).not.toBe(stored.wrappedDek)
  expect(await openSecret(ringOf(kek), place, { ...stored, ...moved })).toBe('hush')
  const KeyId = kek.currentKeyId
  expect(kms.asked.slice(0, 3)).toMatchObject([
    { operation: 'GenerateDataKey', body: { KeyId, KeySpec: 'AES_256', EncryptionContext: context } },
    { operation: 'Decrypt', body: { KeyId, EncryptionContext: context } },
    {
      operation: 'ReEncrypt',
      body: { SourceKeyId: KeyId, DestinationKeyId: KeyId, SourceEncryptionContext: context, DestinationEncryptionContext: context },
    },
  ])
  for (const { headers } of kms.asked) {
    expect(headers['content-type']).toBe('application/x-amz-json-1.1')
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDSCRIPTED\/\d{8}\/eu-central-1\/kms\/aws4_request, SignedHeaders=[a-z0-9;-]*host;x-amz-date;x-amz-target, Signature=[0-9a-f]{64}$/,
    )
  }
  expect(JSON.stringify(kms.asked)).not.toMatch(/hush|scripted-secret-access-key/)
})

test("the platform's own secrets are told to KMS as the platform's", async () => {
  await sealSecret(ringOf(kms.newKek()), { ...place, organizationId: null }, 'hush')
  expect(kms.asked[0]?.body.EncryptionContext?.customer).toBe('platform')
})

test.each<[string, Partial<SecretPlace>]>([
  ['of another customer', { organizationId: 'org_b' }],
  ['in another row', { row: 'byk_b' }],
])('a secret does not open %s', async (_, elsewhere) => {
  const ring = ringOf(kms.newKek())
  const stored = await sealSecret(ring, place, 'hush')
  expect((await failureOf(openSecret(ring, { ...place, ...elsewhere }, stored))).reason).toBe('unreadable')
})

test('a secret that another key of the account wrapped does not open under this one', async () => {
  const [one, other] = [kms.newKek(), kms.newKek()]
  const stored = await sealSecret(ringOf(one), place, 'hush')
  const failure = await failureOf(openSecret(ringOf(other), place, { ...stored, kekId: other.currentKeyId }))
  expect(failure).toMatchObject({ reason: 'unreadable', message: expect.stringContaining('IncorrectKeyException') })
  // Under its own id it does: keys of earlier days stay readable.
  expect(await openSecret(ringOf(other), place, stored)).toBe('hush')
})

describe('a refusal is told by its name only, after one try', () => {
  const arn = 'arn:aws:kms:eu-central-1:111122223333:key/secret-name'
  const named = (type: string, status = 400): [string, number, string, string, string] => [
    type,
    status,
    JSON.stringify({ __type: type, message: `User is not allowed ${arn}` }),
    'unavailable',
    type.replace(/.*#/, ''),
  ]
  test.each<[string, number, string, string, string]>([
    named('ThrottlingException'),
    named('LimitExceededException'),
    named('KMSInternalException', 500),
    named('DependencyTimeoutException', 503),
    named('KeyUnavailableException', 500),
    named('DisabledException'),
    named('KMSInvalidStateException'),
    named('NotFoundException'),
    named('AccessDeniedException'),
    named('com.amazonaws.kms#UnrecognizedClientException'),
    ['InvalidCiphertextException', 400, '{"__type":"InvalidCiphertextException"}', 'unreadable', 'InvalidCiphertextException'],
    ['IncorrectKeyException', 400, '{"__type":"com.amazonaws.kms#IncorrectKeyException"}', 'unreadable', 'IncorrectKeyException'],
    ['a page of a proxy', 502, `<html>${arn}</html>`, 'unavailable', '502'],
    ['a redirect', 302, '', 'unavailable', '302'],
    ['a name that is none', 400, JSON.stringify({ __type: arn }), 'unavailable', '400'],
    ['no JSON', 200, 'OK', 'unavailable', 'unknown form'],
    ['a key that is too short', 200, JSON.stringify({ Plaintext: btoa('short') }), 'unavailable', 'unknown form'],
    ['base64 that is none', 200, JSON.stringify({ Plaintext: '*' }), 'unavailable', 'unknown form'],
  ])('%s', async (_, status, body, reason, told) => {
    const ring = ringOf(kms.newKek())
    const stored = await sealSecret(ring, place, 'hush')
    kms.refusal = { status, body }
    const failure = await failureOf(openSecret(ring, place, stored))
    expect(failure).toMatchObject({ reason, message: expect.stringContaining(told) })
    expect(`${failure.message} ${JSON.stringify(failure)}`).not.toMatch(/arn:|allowed|html/)
    expect(kms.asked).toHaveLength(2)
  })
})

test('a KMS that says nothing is waited for three seconds, one that is gone not at all', async () => {
  const ring = ringOf(kms.newKek())
  const stored = await sealSecret(ring, place, 'hush')
  kms.isSilent = true
  const startedAt = performance.now()
  expect(await failureOf(openSecret(ring, place, stored))).toMatchObject({
    reason: 'unavailable',
    message: expect.stringContaining('TimeoutError'),
  })
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  const gone = new AwsKek({ keyId: 'k', region: 'eu-central-1', accessKeyId: 'a', secretAccessKey: 's', endpoint: 'http://127.0.0.1:1/' })
  expect(await failureOf(sealSecret(ringOf(gone), place, 'hush'))).toMatchObject({ reason: 'unavailable' })
})

test('a wrapped key that is not what KMS gave is refused', async () => {
  const ring = ringOf(kms.newKek())
  const stored = await sealSecret(ring, place, 'hush')
  for (const wrappedDek of [`${stored.wrappedDek}=`, '*', `${stored.wrappedDek.slice(0, -4)}AAAA`]) {
    expect((await failureOf(openSecret(ring, place, { ...stored, wrappedDek }))).reason).toBe('unreadable')
  }
})
