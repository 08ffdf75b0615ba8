import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { assert } from '#shared/values/assert.ts'

/** What an authenticator and its browser may get wrong, or lie about. */
export interface Behaviour {
  origin?: string
  rpId?: string
  challenge?: string
  userHandle?: string | null
  verifiesUser?: boolean
  counter?: number
  credentialId?: Buffer
}

/** A platform authenticator with one passkey (ES256), and the browser around it. It counts its uses. */
export class Authenticator {
  readonly credentialId = randomBytes(32)
  counter = 0
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly #site: { origin: string; rpId: string }
  #userHandle: string | undefined

  constructor(site: { origin: string; rpId: string }) {
    this.#site = site
  }

  /** Answers the options of a registration, as `toJSON()` gives it. */
  register({ challenge, user }: { challenge: string; user: { id: string } }, behaviour: Behaviour = {}) {
    this.#userHandle = user.id
    const { credentialId = this.credentialId } = behaviour
    const length = Buffer.alloc(2)
    length.writeUInt16BE(credentialId.length)
    const attested = Buffer.concat([Buffer.alloc(16), length, credentialId, this.#publicKey()])
    const authData = Buffer.concat([this.#authenticatorData(behaviour, 0x40), attested])
    const object = new Map<string, unknown>([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', authData],
    ])
    const clientDataJSON = this.#clientData('webauthn.create', challenge, behaviour)
    const response = { clientDataJSON: clientDataJSON.toString('base64url'), attestationObject: cbor(object).toString('base64url') }
    return this.#credential({ ...response, transports: ['internal'] }, credentialId)
  }

  /** Answers the options of a sign-in. */
  authenticate({ challenge }: { challenge: string }, behaviour: Behaviour = {}) {
    this.counter += 1
    const clientDataJSON = this.#clientData('webauthn.get', challenge, behaviour)
    const authenticatorData = this.#authenticatorData(behaviour, 0)
    const signed = Buffer.concat([authenticatorData, createHash('sha256').update(clientDataJSON).digest()])
    const userHandle = behaviour.userHandle === undefined ? this.#userHandle : behaviour.userHandle
    const response = {
      clientDataJSON: clientDataJSON.toString('base64url'),
      authenticatorData: authenticatorData.toString('base64url'),
      signature: sign('sha256', signed, this.#keys.privateKey).toString('base64url'),
      userHandle,
    }
    return this.#credential(response, behaviour.credentialId ?? this.credentialId)
  }

  #credential<Response>(response: Response, credentialId: Buffer) {
    const id = credentialId.toString('base64url')
    return { id, rawId: id, type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: {}, response }
  }

  #clientData(type: string, challenge: string, behaviour: Behaviour): Buffer {
    const { origin = this.#site.origin } = behaviour
    return Buffer.from(JSON.stringify({ type, challenge: behaviour.challenge ?? challenge, origin, crossOrigin: false }))
  }

  #authenticatorData({ rpId = this.#site.rpId, verifiesUser = true, counter = this.counter }: Behaviour, flags: number): Buffer {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    // User present, user verified, may be backed up, is backed up (WebAuthn, section 6.1).
    const all = flags | 0x01 | (verifiesUser ? 0x04 : 0) | 0x08 | 0x10
    return Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.from([all]), count])
  }

  /** COSE (RFC 9053, section 7.1.1). */
  #publicKey(): Buffer {
    const { x, y } = this.#keys.publicKey.export({ format: 'jwk' })
    assert(x !== undefined && y !== undefined, 'a key on a curve is a point')
    const key: [number, unknown][] = [
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, Buffer.from(x, 'base64url')],
      [-3, Buffer.from(y, 'base64url')],
    ]
    return cbor(new Map(key))
  }
}

/** CBOR (RFC 8949) of what WebAuthn is made of. */
function cbor(value: unknown): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value])
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  assert(value instanceof Map, 'maps, texts, bytes and integers are known')
  return Buffer.concat([head(5, value.size), ...[...value].flat().map(cbor)])
}

function head(major: number, size: number): Buffer {
  if (size < 24) return Buffer.from([(major << 5) | size])
  return size < 256 ? Buffer.from([(major << 5) | 24, size]) : Buffer.from([(major << 5) | 25, size >> 8, size & 255])
}
