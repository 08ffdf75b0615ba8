import { randomBytes } from 'node:crypto'
import { openCiphertext, readCiphertext, sealPlaintext } from './ciphertext.ts'
import { type EncryptionContext, encodeContext } from './encryption-context.ts'
import { type Keys, type KmsKey, requireUsable } from './keys.ts'
import { KmsRefusal } from './refusal.ts'
import { DecryptRequest, DescribeKeyRequest, GenerateDataKeyRequest, ReEncryptRequest, readRequest } from './requests.ts'
import { kmsAccount } from './well-known.ts'

type Operation = (body: unknown, keys: Keys) => Record<string, unknown>

const algorithm = 'SYMMETRIC_DEFAULT'
const deletionWindowMs = 7 * 24 * 60 * 60_000

/** What the peer can do, by the name that follows `TrentService.`; each answers the body of a 200 or throws a `KmsRefusal`. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['GenerateDataKey', generateDataKey],
  ['Decrypt', decrypt],
  ['ReEncrypt', reEncrypt],
  ['DescribeKey', describeKey],
])

function generateDataKey(body: unknown, keys: Keys): Record<string, unknown> {
  const request = readRequest(GenerateDataKeyRequest, body)
  const context = encodeContext(request.EncryptionContext ?? {})
  const key = keys.resolve(request.KeyId, 'GenerateDataKey')
  const lengths = [request.NumberOfBytes, request.KeySpec && (request.KeySpec === 'AES_256' ? 32 : 16)]
  const [length, ...more] = lengths.filter((each) => typeof each === 'number')
  if (length === undefined || more.length > 0) {
    throw new KmsRefusal('ValidationException', 'Please specify either number of bytes or key spec.')
  }
  requireUsable(key)
  const plaintext = randomBytes(length)
  const blob = sealPlaintext(plaintext, key, context)
  return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), CiphertextBlob: blob.toString('base64') }
}

function decrypt(body: unknown, keys: Keys): Record<string, unknown> {
  const request = readRequest(DecryptRequest, body)
  const { key, plaintext } = open(request.CiphertextBlob, request.KeyId, request.EncryptionContext, keys, 'Decrypt')
  return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: algorithm }
}

function reEncrypt(body: unknown, keys: Keys): Record<string, unknown> {
  const request = readRequest(ReEncryptRequest, body)
  const context = encodeContext(request.DestinationEncryptionContext ?? {})
  const { SourceKeyId, SourceEncryptionContext, CiphertextBlob } = request
  const { key: source, plaintext } = open(CiphertextBlob, SourceKeyId, SourceEncryptionContext, keys, 'ReEncryptFrom')
  const destination = keys.resolve(request.DestinationKeyId, 'ReEncryptTo')
  requireUsable(destination)
  return {
    CiphertextBlob: sealPlaintext(plaintext, destination, context).toString('base64'),
    SourceKeyId: source.arn,
    KeyId: destination.arn,
    SourceEncryptionAlgorithm: algorithm,
    DestinationEncryptionAlgorithm: algorithm,
  }
}

function describeKey(body: unknown, keys: Keys): Record<string, unknown> {
  const key = keys.resolve(readRequest(DescribeKeyRequest, body).KeyId, 'DescribeKey')
  const metadata = {
    AWSAccountId: kmsAccount,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: key.createdAtMs / 1_000,
    Enabled: key.state === 'Enabled',
    Description: '',
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: key.state,
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: algorithm,
    KeySpec: algorithm,
    EncryptionAlgorithms: [algorithm],
    MultiRegion: false,
  }
  const deletion = { DeletionDate: (Date.now() + deletionWindowMs) / 1_000 }
  return { KeyMetadata: { ...metadata, ...(key.state === 'PendingDeletion' ? deletion : {}) } }
}

/** The key is the one that made the blob; a caller who names another one is told so before anything is opened. */
function open(
  blob: string,
  keyId: string | null | undefined,
  context: EncryptionContext | null | undefined,
  keys: Keys,
  action: string,
): { key: KmsKey; plaintext: Buffer } {
  const encodedContext = encodeContext(context ?? {})
  const named = keyId ? keys.resolve(keyId, action) : undefined
  const ciphertext = readCiphertext(Buffer.from(blob, 'base64'))
  const key = keys.find(ciphertext.keyId)
  if (!key) throw new KmsRefusal('InvalidCiphertextException')
  if (named && named !== key) {
    throw new KmsRefusal('IncorrectKeyException', 'The key ID in the request does not identify a CMK that can perform this operation.')
  }
  requireUsable(key)
  return { key, plaintext: openCiphertext(ciphertext, key.material, encodedContext) }
}
