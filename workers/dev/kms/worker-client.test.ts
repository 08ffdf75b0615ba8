import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { SecretPlace } from '#shared/contracts/sealed-secret.ts'
import { openSecret } from '#workers/services/secrets/open.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import { type KekSettings, keyRingOf } from '#workers/services/secrets/settings.ts'
import { controlKms } from './control-client.ts'
import { startTestKms, type TestKms } from './test-client.ts'
import { kmsCredentials, kmsKeys, kmsRegion } from './well-known.ts'

let kms: TestKms
beforeAll(async () => {
  kms = await startTestKms()
})
afterEach(() => controlKms(kms.url).reset())
afterAll(() => kms?.end())

const place: SecretPlace = { organizationId: 'org_a', table: 'provider_credentials', row: 'byk_a', purpose: 'api_key' }
const ringOf = (KMS_KEY_ID: string, other: KekSettings = {}) => {
  const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } = kmsCredentials.lasting
  const credentials = { AWS_REGION: kmsRegion, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, KMS_ENDPOINT: kms.url }
  return keyRingOf({ KMS_PROVIDER: 'aws', KMS_KEY_ID, ...credentials, ...other })
}

test('a KMS that checks signatures and contexts seals, opens and re-encrypts, by id and by ARN', async () => {
  const [first, second] = [ringOf(kmsKeys.first.arn), ringOf(kmsKeys.second.id)]
  const stored = await sealSecret(first, place, 'hush')
  expect(await openSecret(second, place, stored)).toBe('hush')
  const moved = { ...stored, ...(await second.current.rewrap(stored, { ...place, version: 1 })) }
  expect(moved.kekId).toBe(kmsKeys.second.id)
  expect(await openSecret(first, place, moved)).toBe('hush')
  await expect(openSecret(first, { ...place, row: 'byk_b' }, moved)).rejects.toMatchObject({ reason: 'unreadable' })
  await expect(openSecret(first, place, { ...moved, kekId: kmsKeys.first.arn })).rejects.toMatchObject({ reason: 'unreadable' })
})

test('a disabled key and a wrong signature are for an operator to mend', async () => {
  const ring = ringOf(kmsKeys.first.id)
  const stored = await sealSecret(ring, place, 'hush')
  await expect(openSecret(ringOf(kmsKeys.first.id, { AWS_SECRET_ACCESS_KEY: 'wrong' }), place, stored)).rejects.toMatchObject({
    reason: 'unavailable',
  })
  await controlKms(kms.url).setKeyState(kmsKeys.first.id, 'Disabled')
  await expect(openSecret(ring, place, stored)).rejects.toMatchObject({ reason: 'unavailable' })
  await controlKms(kms.url).setKeyState(kmsKeys.first.id, 'Enabled')
  expect(await openSecret(ring, place, stored)).toBe('hush')
})
