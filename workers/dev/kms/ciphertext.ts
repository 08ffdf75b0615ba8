import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { KmsRefusal } from './refusal.ts'

const formatVersion = 1
const keyIdBytes = 16
const nonceBytes = 12
const tagBytes = 16
const headerBytes = 1 + keyIdBytes

/** A ciphertext blob taken apart: the version, the key's id, the nonce, the sealed bytes and the tag, in this order. */
export type Ciphertext = { keyId: string; header: Buffer; nonce: Buffer; sealed: Buffer; tag: Buffer }

/** AES-256-GCM under the key's material; the blob's own header and the context are authenticated with it. */
export function sealPlaintext(plaintext: Uint8Array, key: { id: string; material: Buffer }, context: Buffer): Buffer {
  const header = Buffer.concat([Buffer.of(formatVersion), Buffer.from(key.id.replaceAll('-', ''), 'hex')])
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key.material, nonce).setAAD(Buffer.concat([header, context]))
  return Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Throws for a blob that is too short or of another making; whether it is whole shows only when it is opened. */
export function readCiphertext(blob: Buffer): Ciphertext {
  if (blob.length <= headerBytes + nonceBytes + tagBytes || blob[0] !== formatVersion) throw new KmsRefusal('InvalidCiphertextException')
  const header = blob.subarray(0, headerBytes)
  const [, ...groups] = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(header.toString('hex', 1)) ?? []
  return {
    keyId: groups.join('-'),
    header,
    nonce: blob.subarray(headerBytes, headerBytes + nonceBytes),
    sealed: blob.subarray(headerBytes + nonceBytes, -tagBytes),
    tag: blob.subarray(-tagBytes),
  }
}

export function openCiphertext({ header, nonce, sealed, tag }: Ciphertext, material: Buffer, context: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', material, nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.concat([header, context])).setAuthTag(tag)
  try {
    return Buffer.concat([decipher.update(sealed), decipher.final()])
  } catch {
    throw new KmsRefusal('InvalidCiphertextException') // The tag does not fit, and AWS tells no more than that.
  }
}
