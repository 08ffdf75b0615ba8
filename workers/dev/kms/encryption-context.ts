import { KmsRefusal } from './refusal.ts'

export type EncryptionContext = Record<string, string>

/** AWS states no figure for its own keys; this is the most it ever hands to an external key store as additional data. */
const contextBytes = 8_192

/** The bytes that are authenticated with a ciphertext: the same for equal contexts in any order, and for none and an empty one. */
export function encodeContext(context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const)
  const encoded = Buffer.concat(pairs.sort(([one], [other]) => Buffer.compare(one, other)).flatMap((pair) => pair.flatMap(withLength)))
  if (encoded.length > contextBytes) throw new KmsRefusal('ValidationException', `Encryption context exceeds ${contextBytes} bytes.`)
  return encoded
}

/** Lengths stand before the texts, so that no two contexts run together to the same bytes. */
function withLength(text: Buffer): Buffer[] {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return [length, text]
}
