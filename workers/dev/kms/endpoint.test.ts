import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callKms, type KmsAnswer, sendCall, signCall, startTestKms, type TestKms } from './test-client.ts'
import { kmsKeys } from './well-known.ts'

const { first, second } = kmsKeys
const context = { customer: 'org_1', table: 'secrets', ключ: 'Grüße, 世界' }
let kms: TestKms

beforeAll(async () => {
  kms = await startTestKms()
})
afterAll(() => kms?.end())

const call = (operation: string, body: unknown) => callKms(kms.url, operation, body)
const bytesOf = (value: unknown) => Buffer.from(String(value), 'base64')

async function newDataKey(more: Record<string, unknown> = {}): Promise<{ plaintext: unknown; blob: string }> {
  const { status, body } = await call('GenerateDataKey', { KeyId: first.id, KeySpec: 'AES_256', EncryptionContext: context, ...more })
  expect(status).toBe(200)
  return { plaintext: body.Plaintext, blob: String(body.CiphertextBlob) }
}

function expectRefusal(answer: KmsAnswer, type: string, message?: RegExp): void {
  expect(answer.body).toEqual({ __type: type, ...(message ? { message: expect.stringMatching(message) } : {}) })
  expect(answer.status).toBe(400)
}

describe('a data key', () => {
  test.each([
    [{ KeySpec: 'AES_256' }, 32],
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1_024 }, 1_024],
  ])('of %o has %i bytes, is new each time and opens again', async (size, length) => {
    const request = { KeyId: first.id, ...size }
    const [one, other] = [await call('GenerateDataKey', request), await call('GenerateDataKey', request)]
    expect(one.body).toEqual({ KeyId: first.arn, Plaintext: expect.any(String), CiphertextBlob: expect.any(String) })
    expect(bytesOf(one.body.Plaintext)).toHaveLength(length)
    expect(other.body.CiphertextBlob).not.toBe(one.body.CiphertextBlob)
    const opened = await call('Decrypt', { CiphertextBlob: one.body.CiphertextBlob })
    expect(opened.body).toEqual({ KeyId: first.arn, Plaintext: one.body.Plaintext, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
  })

  test('opens by every name of its key, and by the name of no other', async () => {
    const { plaintext, blob } = await newDataKey()
    expect(bytesOf(blob).includes(bytesOf(plaintext))).toBe(false)
    const request = { CiphertextBlob: blob, EncryptionContext: context }
    for (const KeyId of [first.id, first.arn, first.alias, first.arn.replace(/key\/.*/, first.alias)]) {
      expect(await call('Decrypt', { ...request, KeyId })).toMatchObject({ status: 200, body: { KeyId: first.arn, Plaintext: plaintext } })
    }
    for (const KeyId of [second.id, second.arn, second.alias]) {
      expectRefusal(await call('Decrypt', { ...request, KeyId }), 'IncorrectKeyException', /does not identify/)
    }
  })
})

describe('an encryption context', () => {
  test('opens in any order, and none is the same as an empty one', async () => {
    const { plaintext, blob } = await newDataKey()
    const reversed = Object.fromEntries(Object.entries(context).reverse())
    expect(Object.keys(reversed)).not.toEqual(Object.keys(context))
    expect((await call('Decrypt', { CiphertextBlob: blob, EncryptionContext: reversed })).body.Plaintext).toBe(plaintext)
    const bare = await newDataKey({ EncryptionContext: null })
    expect((await call('Decrypt', { CiphertextBlob: bare.blob, EncryptionContext: {} })).body.Plaintext).toBe(bare.plaintext)
  })

  test.each<[string, unknown]>([
    ['left out', undefined],
    ['empty', {}],
    ['short of a pair', { customer: 'org_1', table: 'secrets' }],
    ['with a pair more', { ...context, more: '' }],
    ['with a pair more that JavaScript hides', JSON.parse(JSON.stringify(context).replace('{', '{"__proto__":"x",'))],
    ['with another value', { ...context, customer: 'org_2' }],
    ['with a value in other letters', { ...context, customer: 'ORG_1' }],
    ['with a name in other letters', { ...context, customer: undefined, Customer: 'org_1' }],
    ['with a space more', { ...context, customer: 'org_1 ' }],
    ['with name and value run together', { ...context, customer: undefined, customero: 'rg_1' }],
    ['with a value exchanged for another', { ...context, customer: 'secrets', table: 'org_1' }],
    ['in another Unicode form', { ...context, ключ: context.ключ.normalize('NFD') }],
  ])('%s opens nothing', async (_, other) => {
    const { blob } = await newDataKey()
    expectRefusal(await call('Decrypt', { CiphertextBlob: blob, EncryptionContext: other }), 'InvalidCiphertextException')
  })

  test('of 8,192 bytes is taken and of one more is not', async () => {
    const ofBytes = (size: number) => ({ KeyId: first.id, KeySpec: 'AES_256', EncryptionContext: { x: 'a'.repeat(size - 9) } })
    expect((await call('GenerateDataKey', ofBytes(8_192))).status).toBe(200)
    expectRefusal(await call('GenerateDataKey', ofBytes(8_193)), 'ValidationException', /exceeds 8192 bytes/)
  })
})

describe('a ciphertext', () => {
  test('with any one bit flipped, at any byte, opens nothing', async () => {
    const { blob } = await newDataKey()
    const bytes = bytesOf(blob)
    for (let index = 0; index < bytes.length; index += 1) {
      const broken = Buffer.from(bytes)
      broken[index] = (bytes[index] ?? 0) ^ (1 << (index % 8))
      const answer = await call('Decrypt', { CiphertextBlob: broken.toString('base64'), EncryptionContext: context })
      expect(answer, `byte ${index}`).toMatchObject({ status: 400, text: '{"__type":"InvalidCiphertextException"}' })
    }
  })

  test('cut short, made longer or taken from two opens nothing', async () => {
    const bytes = bytesOf((await newDataKey()).blob)
    const other = bytesOf((await newDataKey()).blob)
    const lengths = Array.from({ length: bytes.length - 1 }, (_, index) => bytes.subarray(0, index + 1))
    const spliced = Buffer.concat([bytes.subarray(0, 29), other.subarray(29)])
    for (const broken of [...lengths, Buffer.concat([bytes, Buffer.of(0)]), spliced]) {
      const answer = await call('Decrypt', { CiphertextBlob: broken.toString('base64'), EncryptionContext: context })
      expectRefusal(answer, 'InvalidCiphertextException')
    }
  })

  test('is of the first key only, also where the second is written over its id', async () => {
    const bytes = bytesOf((await newDataKey()).blob)
    Buffer.from(second.id.replaceAll('-', ''), 'hex').copy(bytes, 1)
    const answer = await call('Decrypt', { CiphertextBlob: bytes.toString('base64'), EncryptionContext: context })
    expectRefusal(answer, 'InvalidCiphertextException')
  })
})

describe('ReEncrypt', () => {
  test('moves a ciphertext to another key and context, and the old one still opens', async () => {
    const { plaintext, blob } = await newDataKey()
    const moved = await call('ReEncrypt', {
      CiphertextBlob: blob,
      SourceKeyId: first.id,
      SourceEncryptionContext: context,
      DestinationKeyId: second.alias,
      DestinationEncryptionContext: { version: '2' },
    })
    expect(moved.body).toEqual({
      CiphertextBlob: expect.any(String),
      SourceKeyId: first.arn,
      KeyId: second.arn,
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    })
    const CiphertextBlob = moved.body.CiphertextBlob
    const opened = await call('Decrypt', { CiphertextBlob, EncryptionContext: { version: '2' }, KeyId: second.id })
    expect(opened.body).toMatchObject({ KeyId: second.arn, Plaintext: plaintext })
    expectRefusal(await call('Decrypt', { CiphertextBlob, EncryptionContext: context }), 'InvalidCiphertextException')
    expect((await call('Decrypt', { CiphertextBlob: blob, EncryptionContext: context })).body.Plaintext).toBe(plaintext)
  })

  test.each([
    [{ SourceEncryptionContext: {} }, 'InvalidCiphertextException', undefined],
    [{ SourceKeyId: second.id }, 'IncorrectKeyException', /does not identify/],
    [{ DestinationKeyId: 'alias/nobody' }, 'NotFoundException', /Alias .* is not found/],
    [{ DestinationKeyId: undefined }, 'ValidationException', /Value null at 'destinationKeyId'/],
  ])('with %o is refused', async (change, type, message) => {
    const { blob } = await newDataKey()
    const request = { CiphertextBlob: blob, SourceEncryptionContext: context, DestinationKeyId: second.id, ...change }
    expectRefusal(await call('ReEncrypt', request), type, message)
  })
})

test('DescribeKey tells what a key is', async () => {
  const { body } = await call('DescribeKey', { KeyId: second.alias })
  expect(body.KeyMetadata).toMatchObject({
    KeyId: second.id,
    Arn: second.arn,
    KeyState: 'Enabled',
    Enabled: true,
    KeySpec: 'SYMMETRIC_DEFAULT',
  })
  expect(Math.abs(Number(Object(body.KeyMetadata).CreationDate) - Date.now() / 1_000)).toBeLessThan(600)
})

test.each([
  ['alias/nobody', 'NotFoundException', /^Alias arn:aws:kms:us-east-1:111122223333:alias\/nobody is not found\.$/],
  ['00000000-0000-4000-8000-000000000000', 'NotFoundException', /^Key 'arn:.*key\/00000000-.*' does not exist$/],
  ['not-a-key', 'NotFoundException', /^Invalid keyId 'not-a-key'$/],
  [first.id.toUpperCase(), 'NotFoundException', /does not exist/],
  [first.arn.replace('us-east-1', 'eu-west-1'), 'NotFoundException', /^Invalid arn eu-west-1$/],
  [first.arn.replace('111122223333', '444455556666'), 'AccessDeniedException', /not authorized to perform: kms:DescribeKey/],
  [first.arn.replace('key/', ''), 'NotFoundException', /^Invalid arn/],
  ['', 'ValidationException', /at 'keyId'/],
  ['k'.repeat(2_049), 'ValidationException', /at 'keyId'/],
])('the key id %s names no key', async (KeyId, type, message) => {
  expectRefusal(await call('DescribeKey', { KeyId }), type, message)
})

const blob = 'AAAA'
test.each<[string, unknown, string, RegExp | undefined]>([
  ['Encrypt', { KeyId: first.id, Plaintext: blob }, 'UnknownOperationException', undefined],
  ['toString', {}, 'UnknownOperationException', undefined],
  ['DescribeKey', '', 'SerializationException', undefined],
  ['DescribeKey', '{"KeyId":', 'SerializationException', undefined],
  ['DescribeKey', '[]', 'SerializationException', undefined],
  ['DescribeKey', 'null', 'SerializationException', undefined],
  ['DescribeKey', { KeyId: 1 }, 'SerializationException', undefined],
  [
    'DescribeKey',
    {},
    'ValidationException',
    /^1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null$/,
  ],
  ['GenerateDataKey', { KeyId: first.id }, 'ValidationException', /either number of bytes or key spec/],
  [
    'GenerateDataKey',
    { KeyId: first.id, KeySpec: 'AES_256', NumberOfBytes: 32 },
    'ValidationException',
    /either number of bytes or key spec/,
  ],
  ['GenerateDataKey', { KeyId: first.id, KeySpec: 'AES_512' }, 'ValidationException', /at 'keySpec'/],
  ['GenerateDataKey', { KeyId: first.id, NumberOfBytes: 0 }, 'ValidationException', /at 'numberOfBytes'/],
  ['GenerateDataKey', { KeyId: first.id, NumberOfBytes: 1_025 }, 'ValidationException', /at 'numberOfBytes'/],
  ['GenerateDataKey', { KeyId: first.id, NumberOfBytes: '32' }, 'SerializationException', undefined],
  ['GenerateDataKey', { KeyId: first.id, KeySpec: 'AES_256', EncryptionContext: { version: 1 } }, 'SerializationException', undefined],
  ['GenerateDataKey', { KeyId: first.id, KeySpec: 'AES_256', EncryptionContext: ['x'] }, 'SerializationException', undefined],
  ['GenerateDataKey', { KeyId: first.id, KeySpec: 'AES_256', DryRun: true }, 'UnsupportedOperationException', /DryRun/],
  ['Decrypt', {}, 'ValidationException', /Value null at 'ciphertextBlob'/],
  ['Decrypt', { CiphertextBlob: '' }, 'ValidationException', /at 'ciphertextBlob'/],
  ['Decrypt', { CiphertextBlob: 'not base64!' }, 'SerializationException', undefined],
  ['Decrypt', { CiphertextBlob: 'AAAA'.repeat(2_049) }, 'ValidationException', /at 'ciphertextBlob'/],
  ['Decrypt', { CiphertextBlob: blob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }, 'ValidationException', /at 'encryptionAlgorithm'/],
  ['Decrypt', { CiphertextBlob: blob, KeyId: 'alias/nobody' }, 'NotFoundException', /is not found/],
  ['Decrypt', { CiphertextBlob: blob }, 'InvalidCiphertextException', undefined],
])('%s of %o is refused', async (operation, body, type, message) => {
  expectRefusal(await call(operation, body), type, message)
})

test('what is not AWS JSON 1.1 is refused before anything is read', async () => {
  const headers = await signCall(kms.url, 'DescribeKey', { KeyId: first.id })
  for (const type of ['application/json', 'application/x-amz-json-1.0', 'text/plain']) {
    const answer = await sendCall(kms.url, { ...headers, 'content-type': type }, { KeyId: first.id })
    expect(answer).toMatchObject({ status: 404, text: '<UnknownOperationException/>\n' })
  }
  expect(
    (await sendCall(kms.url, { ...headers, 'content-type': 'application/x-amz-json-1.1; charset=utf-8' }, { KeyId: first.id })).status,
  ).toBe(200)
})

test('a body without measure is refused', async () => {
  const answer = await call('DescribeKey', { KeyId: first.id, Padding: 'x'.repeat(1024 * 1024) })
  expect(answer).toMatchObject({ status: 413, body: { __type: 'RequestEntityTooLargeException' } })
})
