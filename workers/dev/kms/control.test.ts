import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { portsFrom } from '../ports.ts'
import { planKms } from '../stand-ins.ts'
import { findFreePort, startThrowaway } from '../testing/throwaway.ts'
import { controlKms, type KmsControl } from './control-client.ts'
import { callKms, type KmsAnswer, startTestKms, type TestKms } from './test-client.ts'
import { kmsVars } from './vars.ts'
import { kmsCredentials, kmsKeys } from './well-known.ts'

const { first, second } = kmsKeys
let kms: TestKms
let control: KmsControl

beforeAll(async () => {
  kms = await startTestKms()
  control = controlKms(kms.url)
})
afterEach(() => control.reset())
afterAll(() => kms?.end())

const generate = (keyId: string = first.id): Promise<KmsAnswer> => callKms(kms.url, 'GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256' })

test.each([
  ['Disabled', 'DisabledException', /is disabled\.$/],
  ['PendingDeletion', 'KMSInvalidStateException', /is pending deletion\.$/],
] as const)('a key that is %s serves no cryptography, the other one goes on, and enabling brings it back', async (state, type, message) => {
  const { CiphertextBlob } = (await generate()).body
  const calls = (from: string, to: string) => [
    generate(from),
    callKms(kms.url, 'Decrypt', { CiphertextBlob }),
    callKms(kms.url, 'ReEncrypt', { CiphertextBlob, DestinationKeyId: to }),
  ]
  await control.setKeyState(first.alias, state)
  for (const answer of await Promise.all(calls(first.id, second.id))) {
    expect(answer).toMatchObject({ status: 400, body: { __type: type, message: expect.stringMatching(message) } })
  }
  expect((await generate(second.id)).status).toBe(200)
  const { KeyMetadata } = (await callKms(kms.url, 'DescribeKey', { KeyId: first.id })).body
  expect(KeyMetadata).toMatchObject({ KeyState: state, Enabled: false })
  await control.setKeyState(first.arn, 'Enabled')
  for (const answer of await Promise.all(calls(first.id, second.id))) expect(answer.status).toBe(200)
})

test('nothing is re-encrypted to a key that may not be used', async () => {
  const { CiphertextBlob } = (await generate()).body
  await control.setKeyState(second.id, 'Disabled')
  const answer = await callKms(kms.url, 'ReEncrypt', { CiphertextBlob, DestinationKeyId: second.id })
  expect(answer.body.__type).toBe('DisabledException')
})

test.each([
  ['throttled', 400, 'ThrottlingException'],
  ['denied', 400, 'AccessDeniedException'],
  ['internal', 500, 'KMSInternalException'],
  ['timeout', 503, 'DependencyTimeoutException'],
  ['unavailable', 500, 'KeyUnavailableException'],
] as const)('the fault %s meets as many calls as asked for, or all until it is undone', async (kind, status, type) => {
  await control.setFault({ kind, count: 2 })
  const statuses = [await generate(), await generate(), await generate()].map((answer) => answer.status)
  expect(statuses).toEqual([status, status, 200])
  await control.setFault({ kind })
  for (let turn = 0; turn < 5; turn += 1) expect(await generate()).toMatchObject({ status, body: { __type: type } })
  await control.clearFault()
  expect((await generate()).status).toBe(200)
})

test('who signs wrongly learns nothing of a fault', async () => {
  await control.setFault({ kind: 'throttled' })
  const credential = { ...kmsCredentials.lasting, secretAccessKey: 'guessed' }
  const answer = await callKms(kms.url, 'DescribeKey', { KeyId: first.id }, { credential })
  expect(answer.body.__type).toBe('InvalidSignatureException')
})

test('a KMS that is down cuts the connection, and one that is slow answers late', async () => {
  await control.setFault({ kind: 'down', count: 1 })
  await expect(generate()).rejects.toThrow(/socket hang up|ECONNRESET/)
  await control.setFault({ kind: 'slow', delayMs: 300, count: 1 })
  const startedAt = performance.now()
  expect((await generate()).status).toBe(200)
  expect(performance.now() - startedAt).toBeGreaterThan(290)
  expect((await control.calls()).map((call) => call.outcome)).toEqual(['cut', 'ok'])
})

test('the log tells who was asked for what and how it ended, and holds no plaintext and no ciphertext', async () => {
  const EncryptionContext = { customer: 'org_1' }
  const made = await callKms(kms.url, 'GenerateDataKey', { KeyId: first.alias, KeySpec: 'AES_256', EncryptionContext })
  const { CiphertextBlob, Plaintext } = made.body
  await callKms(kms.url, 'Decrypt', { CiphertextBlob })
  const moved = {
    CiphertextBlob,
    SourceEncryptionContext: EncryptionContext,
    DestinationKeyId: second.id,
    DestinationEncryptionContext: { to: 'x' },
  }
  await callKms(kms.url, 'ReEncrypt', moved)
  const calls = await control.calls()
  const none = { keyId: null, keyArn: null, context: null, destinationContext: null, at: expect.any(Number), requestId: expect.any(String) }
  expect(calls).toEqual([
    {
      ...none,
      operation: 'GenerateDataKey',
      keyId: first.alias,
      keyArn: first.arn,
      context: EncryptionContext,
      outcome: 'ok',
      requestId: made.requestId,
    },
    { ...none, operation: 'Decrypt', outcome: 'InvalidCiphertextException' },
    {
      ...none,
      operation: 'ReEncrypt',
      keyId: second.id,
      keyArn: second.arn,
      context: EncryptionContext,
      destinationContext: { to: 'x' },
      outcome: 'ok',
    },
  ])
  for (const secret of [CiphertextBlob, Plaintext]) expect(JSON.stringify(calls)).not.toContain(secret)
  await control.clearCalls()
  expect(await control.calls()).toEqual([])
})

test.each([
  ['POST', '/control/fault', { kind: 'flood' }, 400],
  ['POST', '/control/fault', { kind: 'slow', count: 0 }, 400],
  ['POST', '/control/key', { keyId: first.id, state: 'Gone' }, 400],
  ['POST', '/control/key', { keyId: 'alias/nobody', state: 'Disabled' }, 400],
  ['POST', '/control/other', {}, 404],
])('%s %s with %o changes nothing and says so', async (method, path, body, status) => {
  expect((await fetch(`${kms.url}${path}`, { method, body: JSON.stringify(body) })).status).toBe(status)
  expect((await generate()).status).toBe(200)
})

test('what was sealed opens after a restart of the process, with the variables that a Worker gets', async () => {
  const ports = portsFrom(0)
  const port = await findFreePort()
  const vars = kmsVars({ kms: port })
  const url = String(vars.KMS_ENDPOINT)
  const credential = { accessKeyId: String(vars.AWS_ACCESS_KEY_ID), secretAccessKey: String(vars.AWS_SECRET_ACCESS_KEY) }
  const signing = { credential, region: String(vars.AWS_REGION) }
  const directory = mkdtempSync(join(tmpdir(), 'relay-kms-'))
  const peer = await startThrowaway(port, url, async () => planKms(directory, { ...ports, kms: port }))
  try {
    const made = await callKms(url, 'GenerateDataKey', { KeyId: vars.KMS_KEY_ID, KeySpec: 'AES_256' }, signing)
    const kept = readFileSync(join(directory, 'kms.json'), 'utf8')
    await peer.process.restart()
    const opened = await callKms(url, 'Decrypt', { CiphertextBlob: made.body.CiphertextBlob, KeyId: vars.KMS_KEY_ID }, signing)
    expect(opened).toMatchObject({ status: 200, body: { Plaintext: made.body.Plaintext } })
    expect(readFileSync(join(directory, 'kms.json'), 'utf8')).toBe(kept)
    expect(statSync(join(directory, 'kms.json')).mode & 0o777).toBe(0o600)
  } finally {
    await peer.end()
    rmSync(directory, { recursive: true, force: true })
  }
  expect((await callKms(kms.url, 'DescribeKey', { KeyId: vars.KMS_KEY_ID })).status).toBe(200)
})

test('the keys of another state file open nothing', async () => {
  const other = await startTestKms()
  try {
    const { CiphertextBlob } = (await generate()).body
    expect((await callKms(other.url, 'Decrypt', { CiphertextBlob })).body.__type).toBe('InvalidCiphertextException')
  } finally {
    await other.end()
  }
})
