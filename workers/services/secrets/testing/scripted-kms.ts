import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { z } from 'zod'
import { assert } from '#shared/values/assert.ts'
import { AwsKek } from '../aws-kek.ts'

const Context = z.record(z.string(), z.string())
const Request = z.object({
  KeyId: z.string().optional(),
  KeySpec: z.string().optional(),
  CiphertextBlob: z.string().optional(),
  EncryptionContext: Context.optional(),
  SourceKeyId: z.string().optional(),
  SourceEncryptionContext: Context.optional(),
  DestinationKeyId: z.string().optional(),
  DestinationEncryptionContext: Context.optional(),
})
type Request = z.infer<typeof Request>

/** What KMS is asked, as it arrives. */
export interface Asked {
  operation: string
  headers: Record<string, string | string[] | undefined>
  body: Request
}

/** Plays the three operations of KMS over HTTP with any number of keys, without looking at signatures. */
export class ScriptedKms {
  readonly asked: Asked[] = []
  /** Answers instead of the operation, for as long as it is set. */
  refusal: { status: number; body: string } | undefined
  /** Says nothing, for as long as it is set. */
  isSilent = false
  readonly #keys = new Map<string, Buffer>()
  readonly #server: Server
  #endpoint = ''

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const body = Request.parse(JSON.parse(Buffer.concat(chunks).toString()))
      const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
      this.asked.push({ operation, headers: request.headers, body })
      if (this.isSilent) return
      const { status, body: text } = this.refusal ?? this.#answer(operation, body)
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(text)
    })
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    assert(typeof address === 'object' && address !== null, 'a listening server has an address')
    this.#endpoint = `http://127.0.0.1:${address.port}/`
    return this
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  /** The settings of a Worker for a new key. */
  newKey(): { KMS_KEY_ID: string; AWS_REGION: string; AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string; KMS_ENDPOINT: string } {
    const keyId = randomUUID()
    this.#keys.set(keyId, randomBytes(32))
    const credentials = { AWS_ACCESS_KEY_ID: 'AKIDSCRIPTED', AWS_SECRET_ACCESS_KEY: 'scripted-secret-access-key' }
    return { KMS_KEY_ID: keyId, AWS_REGION: 'eu-central-1', ...credentials, KMS_ENDPOINT: this.#endpoint }
  }

  newKek(): AwsKek {
    const { KMS_KEY_ID: keyId, KMS_ENDPOINT: endpoint } = this.newKey()
    return new AwsKek({
      keyId,
      endpoint,
      region: 'eu-central-1',
      accessKeyId: 'AKIDSCRIPTED',
      secretAccessKey: 'scripted-secret-access-key',
    })
  }

  #answer(operation: string, body: Request): { status: number; body: string } {
    const done = (answer: object) => ({ status: 200, body: JSON.stringify(answer) })
    try {
      if (operation === 'GenerateDataKey') {
        const dek = randomBytes(body.KeySpec === 'AES_256' ? 32 : 16)
        return done({ CiphertextBlob: this.#wrap(body.KeyId, dek, body.EncryptionContext), Plaintext: dek.toString('base64') })
      }
      if (operation === 'Decrypt') {
        const dek = this.#unwrap(body.KeyId, body.CiphertextBlob, body.EncryptionContext)
        return done({ KeyId: arnOf(body.KeyId), Plaintext: dek.toString('base64') })
      }
      const dek = this.#unwrap(body.SourceKeyId, body.CiphertextBlob, body.SourceEncryptionContext)
      return done({ CiphertextBlob: this.#wrap(body.DestinationKeyId, dek, body.DestinationEncryptionContext) })
    } catch (error) {
      assert(error instanceof Refusal, 'only refusals are thrown here')
      return { status: 400, body: JSON.stringify({ __type: error.message, message: `Of ${arnOf(body.KeyId)}` }) }
    }
  }

  #wrap(keyId: string | undefined, dek: Buffer, context: Record<string, string> | undefined): string {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#key(keyId), iv).setAAD(aadOf(context))
    return Buffer.concat([Buffer.from(`${keyId}`), iv, cipher.update(dek), cipher.final(), cipher.getAuthTag()]).toString('base64')
  }

  #unwrap(keyId: string | undefined, blob: string | undefined, context: Record<string, string> | undefined): Buffer {
    const bytes = Buffer.from(blob ?? '', 'base64')
    const key = this.#key(keyId)
    const wrappedBy = bytes.subarray(0, 36).toString()
    if (wrappedBy !== keyId) throw new Refusal(this.#keys.has(wrappedBy) ? 'IncorrectKeyException' : 'InvalidCiphertextException')
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(36, 48), { authTagLength: 16 }).setAAD(aadOf(context))
      decipher.setAuthTag(bytes.subarray(-16))
      return Buffer.concat([decipher.update(bytes.subarray(48, -16)), decipher.final()])
    } catch {
      throw new Refusal('InvalidCiphertextException')
    }
  }

  #key(keyId: string | undefined): Buffer {
    const key = this.#keys.get(keyId ?? '')
    if (!key) throw new Refusal('NotFoundException')
    return key
  }
}

class Refusal extends Error {}

function arnOf(keyId: string | undefined): string {
  return `arn:aws:kms:eu-central-1:111122223333:key/${keyId}`
}

function aadOf(context: Record<string, string> = {}): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort()))
}
