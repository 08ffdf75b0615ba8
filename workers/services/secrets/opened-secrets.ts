import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import { ExpiringCache } from '../expiring-cache.ts'
import type { KeyRing } from './key-ring.ts'
import { openSecret } from './open.ts'

/** Opened secrets an isolate keeps: at most about a megabyte of short keys with their sealed forms. */
const capacity = 1_000

/** How long one is kept, in milliseconds: so long a secret still works while KMS is away, and so long it stays in memory. */
const keptMs = 5 * 60_000

/**
 * Secrets that this isolate has opened. Each is known by its whole stored form, so that a replaced or rewrapped one is opened anew. Two requests at
 * once may both open: in a Worker one must not wait for what another has asked for.
 */
export class OpenedSecrets {
  readonly #opened = new ExpiringCache<string>(capacity, keptMs)

  /** As openSecret. The ring is asked for only when a secret is not known. */
  async open(ring: () => KeyRing, place: SecretPlace, stored: SealedSecret): Promise<string> {
    const { version, kek, kekId, wrappedDek, sealed } = stored
    const name = JSON.stringify([place.organizationId, place.table, place.row, place.purpose, version, kek, kekId, wrappedDek, sealed])
    const known = this.#opened.get(name)
    if (known !== undefined) return known
    const plaintext = await openSecret(ring(), place, stored)
    this.#opened.set(name, plaintext)
    return plaintext
  }
}
