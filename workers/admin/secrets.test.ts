import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertSecret } from '#db/queries/insert-secret.ts'
import type { SecretPlace } from '#shared/contracts/sealed-secret.ts'
import { SecretRotation, SecretStatus } from '#shared/contracts/secret-rotation.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import { type KekSettings, keyRingOf } from '#workers/services/secrets/settings.ts'
import { adminApp } from './app.ts'
import { secretsPerPage } from './limits.ts'
import { type Stage, setStage } from './testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())

const keks = { LOCAL_KEKS: JSON.stringify({ old: btoa('o'.repeat(32)), young: btoa('y'.repeat(32)) }) }
const under = (LOCAL_KEK_ID: string): KekSettings => ({ KMS_PROVIDER: 'local', ...keks, LOCAL_KEK_ID })

/** Another deployment of the same Worker: bindings are parsed once for each. */
async function callUnder(settings: KekSettings, method: string, path: string, body?: object) {
  const headers = { 'cf-access-jwt-assertion': await stage.sign(), 'content-type': 'application/json' }
  const env = { ...stage.env, ...settings }
  const answer = await adminApp.request(path, { method, headers, ...(body && { body: JSON.stringify(body) }) }, env)
  return { status: answer.status, text: await answer.clone().text(), json: await answer.json() }
}

async function store(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const row = `byk_${String(index).padStart(3, '0')}`
    const place: SecretPlace = { organizationId: null, table: 'provider_credentials', row, purpose: 'api_key' }
    await stage.database.db.execute(insertSecret(place, await sealSecret(keyRingOf(under('old')), place, `hush-${index}`)))
  }
}

test('without settings of keys only the secrets are out of reach, and what is missing is told', async () => {
  for (const [settings, told] of [
    [{}, 'KMS_PROVIDER is missing'],
    [{ ...under('young'), LOCAL_KEKS: '{"young":"b28="}' }, 'LOCAL_KEKS: the key young is not base64 of 32 bytes'],
  ] as const) {
    for (const [method, path, body] of [['GET', '/secrets'] as const, ['POST', '/secrets/rotations', {}] as const]) {
      const { status, json, text } = await callUnder(settings, method, path, body)
      expect({ status, json }).toMatchObject({ status: 503, json: { code: 'unavailable', detail: expect.stringContaining(told) } })
      expect(text).not.toContain('b28=')
    }
    expect((await callUnder(settings, 'GET', '/models')).status).toBe(200)
  }
})

test('a rotation goes on page by page until every secret is under the current key', async () => {
  await store(secretsPerPage + 1)
  const first = await callUnder(under('young'), 'POST', '/secrets/rotations', {})
  const { next, ...counts } = SecretRotation.parse(first.json)
  expect(counts).toEqual({ rotated: secretsPerPage, overtaken: 0, failed: [], stopped: null })
  const second = await callUnder(under('young'), 'POST', '/secrets/rotations', { after: next })
  expect(SecretRotation.parse(second.json)).toMatchObject({ rotated: 1, next: null })
  const status = await callUnder(under('young'), 'GET', '/secrets')
  expect(SecretStatus.parse(status.json).keys).toEqual([
    { kek: 'local', kekId: 'young', secrets: secretsPerPage + 1, isCurrent: true, problem: null },
  ])
  expect(first.text + second.text + status.text).not.toMatch(/hush|sealed|wrappedDek/)
})

test.each([[{ after: 'no-name' }], [{ after: 1 }], [{ before: 'a/b/c' }]])('a rotation does not take %j', async (body) => {
  expect((await callUnder(under('young'), 'POST', '/secrets/rotations', body)).status).toBe(400)
})
