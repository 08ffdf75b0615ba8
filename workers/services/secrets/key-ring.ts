import type { KekProviderName, SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'

/** A data encryption key as its key encryption key has wrapped it. */
export type WrappedDek = Pick<SealedSecret, 'kek' | 'kekId' | 'wrappedDek'>

/** Where a secret belongs and which of its versions it is: what sealing authenticates, and KMS is told as encryption context. */
export type SecretContext = SecretPlace & { version: number }

/** Who wraps data encryption keys. Each method throws a `KekFailure`. */
export interface KekProvider {
  readonly name: KekProviderName
  /** The key that new data encryption keys are wrapped by. */
  readonly currentKeyId: string
  /** A new 256-bit data encryption key, plain and wrapped by the current key. */
  generate(context: SecretContext): Promise<{ dek: Uint8Array<ArrayBuffer>; wrapped: WrappedDek }>
  unwrap(wrapped: WrappedDek, context: SecretContext): Promise<Uint8Array<ArrayBuffer>>
  /** The same data encryption key under the current key. */
  rewrap(wrapped: WrappedDek, context: SecretContext): Promise<WrappedDek>
}

/** All key encryption keys there are: one provider wraps what is new, every one opens what it has wrapped. */
export interface KeyRing {
  readonly current: KekProvider
  readonly providers: ReadonlyMap<KekProviderName, KekProvider>
}

/** The provider that wrapped a key; throws when it is not configured. */
export function providerOf(ring: KeyRing, name: KekProviderName): KekProvider {
  const provider = ring.providers.get(name)
  if (!provider) throw new KekFailure('unreadable', 'The provider that wrapped the key of this secret is not configured.')
  return provider
}

/** `unreadable`: no key of ours opens this, now or later. `unavailable`: nobody can tell at the moment; try again. */
export class KekFailure extends Error {
  override name = 'KekFailure'
  readonly reason: 'unreadable' | 'unavailable'
  /** When another try makes sense, in milliseconds. */
  readonly retryAfterMs: number

  constructor(reason: KekFailure['reason'], message: string, retryAfterMs = 5_000) {
    super(message)
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}
