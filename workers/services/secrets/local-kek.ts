import { assert } from '#shared/values/assert.ts'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { bindingOf, decrypt, encrypt } from './cipher.ts'
import { KekFailure, type KekProvider, type SecretContext, type WrappedDek } from './key-ring.ts'

type Key = Uint8Array<ArrayBuffer>

/** Wraps by AES-256 master keys that the Worker holds itself: one is current, the others open what they have wrapped. */
export class LocalKek implements KekProvider {
  readonly name = 'local'
  readonly currentKeyId: string
  readonly #keys: ReadonlyMap<string, Key>
  readonly #currentKey: Key

  constructor(keys: ReadonlyMap<string, Key>, currentKeyId: string) {
    const currentKey = keys.get(currentKeyId)
    assert(currentKey, 'the current key is one of the keys')
    this.currentKeyId = currentKeyId
    this.#keys = keys
    this.#currentKey = currentKey
  }

  async generate(context: SecretContext) {
    const dek = crypto.getRandomValues(new Uint8Array(32))
    return { dek, wrapped: await this.#wrap(dek, context) }
  }

  async unwrap({ kekId, wrappedDek }: WrappedDek, context: SecretContext) {
    const key = this.#keys.get(kekId)
    if (!key) throw new KekFailure('unreadable', 'The local key that wrapped the key of this secret is not configured.')
    const bytes = decodeBase64url(wrappedDek)
    const dek = bytes && (await decrypt(key, bindingOf('relay.dek', context, kekId), bytes))
    if (!dek) throw new KekFailure('unreadable', 'The wrapped key of this secret was altered, or belongs elsewhere.')
    return dek
  }

  async rewrap(wrapped: WrappedDek, context: SecretContext) {
    const dek = await this.unwrap(wrapped, context)
    try {
      return await this.#wrap(dek, context)
    } finally {
      dek.fill(0)
    }
  }

  async #wrap(dek: Key, context: SecretContext): Promise<WrappedDek> {
    const wrapped = await encrypt(this.#currentKey, bindingOf('relay.dek', context, this.currentKeyId), dek)
    return { kek: this.name, kekId: this.currentKeyId, wrappedDek: encodeBase64url(wrapped) }
  }
}
