import { addSigningKey } from '#db/queries/signing-keys/add-signing-key.ts'
import { listSigningKeys, type SecretPurpose, type StoredSigningKey } from '#db/queries/signing-keys/list-signing-keys.ts'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
import { ExpiringCache } from '#workers/services/expiring-cache.ts'
import { decodeBase64, encodeBase64 } from '#workers/services/secrets/base64url.ts'
import { OpenedSecrets } from '#workers/services/secrets/opened-secrets.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import type { Surroundings } from '../env.ts'
import { knownSigningKeysMs, signingKeyMs, verifiedMs } from '../limits.ts'

/** 256 random bits for HMAC-SHA-256, and the id by which what it signed names it. */
export interface SigningKey {
  id: string
  key: Uint8Array<ArrayBuffer>
}

/** The first signs; all of them verify. */
export type SigningKeys = [SigningKey, ...SigningKey[]]

type Keeping = Pick<Surroundings, 'db' | 'transact' | 'keyRing'>

const opened = new OpenedSecrets()
const known = new ExpiringCache<SigningKeys>(2, knownSigningKeysMs)

/**
 * The keys of a purpose. The first time there ever is one, and each time the newest has served its time, another is made; those before go on verifying what
 * they signed. Throws a `KekFailure` when they cannot be opened.
 */
export async function signingKeys(surroundings: Keeping, purpose: SecretPurpose): Promise<SigningKeys> {
  const cached = known.get(purpose)
  if (cached) return cached
  const stored = await listSigningKeys(surroundings.db, purpose, verifiedMs[purpose])
  const newest = stored[0]
  if (!newest || newest.isRetired || newest.ageMs > signingKeyMs) {
    await makeSigningKey(surroundings, purpose)
    return openAll(surroundings, purpose, await listSigningKeys(surroundings.db, purpose, verifiedMs[purpose]))
  }
  return openAll(surroundings, purpose, stored)
}

/** The key of an id that something signed names, also one that another isolate has just made; null when there is none, or no longer. */
export async function signingKeyOf(surroundings: Keeping, purpose: SecretPurpose, id: string): Promise<SigningKey | null> {
  const find = (keys: SigningKeys) => keys.find((key) => key.id === id)
  const cached = find(await signingKeys(surroundings, purpose))
  if (cached || !/^sgk_[0-9a-z]{26}$/.test(id)) return cached ?? null
  known.delete(purpose)
  return find(await signingKeys(surroundings, purpose)) ?? null
}

async function makeSigningKey({ transact, keyRing }: Keeping, purpose: SecretPurpose): Promise<void> {
  const id = newId('sgk')
  const place = placeOf(id)
  const sealed = await sealSecret(keyRing(), place, encodeBase64(crypto.getRandomValues(new Uint8Array(32))))
  await transact((tx) => addSigningKey(tx, { id, purpose, place, sealed, youngestMs: signingKeyMs }))
}

async function openAll({ keyRing }: Keeping, purpose: SecretPurpose, stored: StoredSigningKey[]): Promise<SigningKeys> {
  const [first, ...others] = await Promise.all(
    stored.map(async ({ id, sealed }) => {
      const key = decodeBase64(await opened.open(keyRing, placeOf(id), sealed))
      assert(key?.length === 32, 'a signing key has 256 bits')
      return { id, key }
    }),
  )
  assert(first, 'there is a signing key once one was made')
  const keys: SigningKeys = [first, ...others]
  known.set(purpose, keys)
  return keys
}

function placeOf(id: string) {
  return { organizationId: null, table: 'signing_keys', row: id, purpose: 'key' }
}
