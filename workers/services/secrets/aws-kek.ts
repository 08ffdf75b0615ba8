import { AwsClient } from 'aws4fetch'
import { z } from 'zod'
import { decodeBase64, decodeBase64url, encodeBase64, encodeBase64url } from './base64url.ts'
import { KekFailure, type KekProvider, type SecretContext, type WrappedDek } from './key-ring.ts'

export interface AwsKekSettings {
  /** Id or ARN of a symmetric key; never an alias, which may come to mean another key. */
  keyId: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  endpoint: string
}

/** Longest wait for one answer of KMS: a request of a customer may stand behind it. */
const timeoutMs = 3_000

/** Binary fields are base64; a data key has 256 bits. */
const Blob = z
  .string()
  .min(1)
  .transform(decodeBase64)
  .refine((bytes) => bytes !== null, { abort: true })
const DataKey = Blob.refine((bytes) => bytes.length === 32)
const Generated = z.object({ CiphertextBlob: Blob, Plaintext: DataKey })
const Decrypted = z.object({ Plaintext: DataKey })
const ReEncrypted = z.object({ CiphertextBlob: Blob })

/**
 * Wraps by a key of AWS KMS, which never leaves it (AWS KMS API reference: GenerateDataKey, Decrypt, ReEncrypt). The context is KMS' encryption
 * context too, so that CloudTrail tells which secret was opened. Keys of earlier days open for as long as the credentials may use them.
 */
export class AwsKek implements KekProvider {
  readonly name = 'aws'
  readonly currentKeyId: string
  readonly #client: AwsClient
  readonly #endpoint: string

  constructor({ keyId, endpoint, ...credentials }: AwsKekSettings) {
    this.currentKeyId = keyId
    // Whoever asks decides about another try: one hidden here would multiply the wait.
    this.#client = new AwsClient({ ...credentials, service: 'kms', retries: 0 })
    this.#endpoint = endpoint
  }

  async generate(context: SecretContext) {
    const parameters = { KeyId: this.currentKeyId, KeySpec: 'AES_256', EncryptionContext: encryptionContextOf(context) }
    const { CiphertextBlob, Plaintext } = await this.#call('GenerateDataKey', parameters, Generated)
    return { dek: Plaintext, wrapped: this.#wrapped(CiphertextBlob) }
  }

  async unwrap({ kekId, wrappedDek }: WrappedDek, context: SecretContext) {
    const parameters = { KeyId: kekId, CiphertextBlob: blobOf(wrappedDek), EncryptionContext: encryptionContextOf(context) }
    return (await this.#call('Decrypt', parameters, Decrypted)).Plaintext
  }

  async rewrap({ kekId, wrappedDek }: WrappedDek, context: SecretContext) {
    const parameters = {
      CiphertextBlob: blobOf(wrappedDek),
      SourceKeyId: kekId,
      SourceEncryptionContext: encryptionContextOf(context),
      DestinationKeyId: this.currentKeyId,
      DestinationEncryptionContext: encryptionContextOf(context),
    }
    return this.#wrapped((await this.#call('ReEncrypt', parameters, ReEncrypted)).CiphertextBlob)
  }

  #wrapped(ciphertext: Uint8Array): WrappedDek {
    return { kek: this.name, kekId: this.currentKeyId, wrappedDek: encodeBase64url(ciphertext) }
  }

  async #call<Answer extends z.ZodType>(operation: string, parameters: object, answer: Answer): Promise<z.output<Answer>> {
    const { ok, status, content } = await this.#send(operation, parameters)
    if (!ok) throw failureOf(status, content)
    const parsed = answer.safeParse(content)
    if (!parsed.success) throw new KekFailure('unavailable', 'AWS KMS answered in an unknown form.')
    return parsed.data
  }

  async #send(operation: string, parameters: object): Promise<{ ok: boolean; status: number; content: unknown }> {
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${operation}` }
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const init = { method: 'POST', headers, body: JSON.stringify(parameters), signal, redirect: 'manual' } as const
      const response = await this.#client.fetch(this.#endpoint, init)
      return { ok: response.ok, status: response.status, content: jsonOf(await response.text()) }
    } catch (error) {
      // A fault of the network names addresses, so only its kind is told.
      throw new KekFailure('unavailable', `AWS KMS does not answer (${error instanceof Error ? error.name : 'unknown'}).`)
    }
  }
}

function encryptionContextOf({ organizationId, table, row, purpose, version }: SecretContext): Record<string, string> {
  return { customer: organizationId ?? 'platform', table, row, purpose, version: String(version) }
}

function blobOf(wrappedDek: string): string {
  const bytes = decodeBase64url(wrappedDek)
  if (!bytes) throw new KekFailure('unreadable', 'The wrapped key of this secret is not base64url.')
  return encodeBase64(bytes)
}

/** The ciphertext is not what this key wrapped in this context: the only refusals that no operator can mend. */
const unreadable = new Set(['InvalidCiphertextException', 'IncorrectKeyException'])

const Refusal = z.object({ __type: z.string().regex(/^(?:[\w.]+#)?[A-Za-z]{1,64}$/) })

/** Only the name of the refusal is told: the message beside it holds ARNs. */
function failureOf(status: number, content: unknown): KekFailure {
  const code = Refusal.safeParse(content).data?.__type.split('#').at(-1) ?? String(status)
  return unreadable.has(code)
    ? new KekFailure('unreadable', `AWS KMS cannot open the wrapped key of this secret (${code}).`)
    : new KekFailure('unavailable', `AWS KMS refuses for now (${code}).`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
