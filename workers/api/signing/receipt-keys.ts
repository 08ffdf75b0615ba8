import { CompactSign, exportJWK, generateKeyPair, importJWK } from 'jose'
import { z } from 'zod'
import { addSigningKey } from '#db/queries/signing-keys/add-signing-key.ts'
import { listPublicKeys } from '#db/queries/signing-keys/list-public-keys.ts'
import { listSigningKeys, type StoredSigningKey } from '#db/queries/signing-keys/list-signing-keys.ts'
import type { PublicKey } from '#shared/contracts/receipt.ts'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
import { ExpiringCache } from '#workers/services/expiring-cache.ts'
import { OpenedSecrets } from '#workers/services/secrets/opened-secrets.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import type { Surroundings } from '../env.ts'
import { knownSigningKeysMs, publishedKeysMs, receiptKeyMs } from '../limits.ts'

/** Signs what is JSON as a compact JWS (RFC 7515) of a type. */
export type Signer = (type: string, payload: object) => Promise<string>

type Keeping = Pick<Surroundings, 'db' | 'transact' | 'keyRing'>

const opened = new OpenedSecrets()
const known = new ExpiringCache<Signer>(1, knownSigningKeysMs)

/**
 * What signs receipts and statements (EdDSA, Ed25519). A pair is made when there is none and when the newest has served its time; the one before goes on until
 * the new one has been published as long as keys may be cached. Throws a `KekFailure` when it cannot be opened.
 */
export async function receiptSigner(surroundings: Keeping): Promise<Signer> {
  const cached = known.get('receipt')
  if (cached) return cached
  let stored = await listUsable(surroundings)
  const newest = stored[0]
  if (!newest || newest.isRetired || newest.ageMs > receiptKeyMs) {
    await makePair(surroundings)
    stored = await listUsable(surroundings)
  }
  const chosen = stored.find(({ ageMs }) => ageMs >= publishedKeysMs) ?? stored.at(-1)
  assert(chosen, 'there is a pair once one was made')
  const signer = signerOf(chosen.id, await openPrivateKey(surroundings, chosen))
  known.set('receipt', signer)
  return signer
}

/** Every public key that a receipt or statement may name. */
export async function publicReceiptKeys({ db }: Pick<Keeping, 'db'>): Promise<PublicKey[]> {
  const rows = await listPublicKeys(db)
  return rows.flatMap(({ id, publicJwk }) => (publicJwk ? [{ ...publicJwk, kid: id, alg: 'EdDSA', use: 'sig' }] : []))
}

/** Those that sign, and that were retired so lately that their successor may not be known everywhere. */
function listUsable({ db }: Keeping): Promise<StoredSigningKey[]> {
  return listSigningKeys(db, 'receipt', publishedKeysMs)
}

const PublicJwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() })
const PrivateJwk = PublicJwk.extend({ d: z.string() })

async function makePair({ transact, keyRing }: Keeping): Promise<void> {
  const id = newId('sgk')
  const place = placeOf(id)
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  const jwk = PrivateJwk.parse(await exportJWK(privateKey))
  const sealed = await sealSecret(keyRing(), place, JSON.stringify(jwk))
  const pair = { id, purpose: 'receipt', place, sealed, publicJwk: PublicJwk.parse(jwk), youngestMs: receiptKeyMs } as const
  await transact((tx) => addSigningKey(tx, pair))
}

async function openPrivateKey({ keyRing }: Keeping, { id, sealed }: StoredSigningKey): Promise<CryptoKey> {
  const key = await importJWK(PrivateJwk.parse(JSON.parse(await opened.open(keyRing, placeOf(id), sealed))), 'EdDSA')
  assert(key instanceof CryptoKey, 'a private JWK is imported as a key')
  return key
}

function signerOf(kid: string, key: CryptoKey): Signer {
  return (typ, payload) =>
    new CompactSign(new TextEncoder().encode(JSON.stringify(payload))).setProtectedHeader({ alg: 'EdDSA', kid, typ }).sign(key)
}

function placeOf(id: string) {
  return { organizationId: null, table: 'signing_keys', row: id, purpose: 'key' }
}
