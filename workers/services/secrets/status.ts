import type { Db } from '#db/client.ts'
import { countSecretsByKek, type KekUse } from '#db/queries/count-secrets-by-kek.ts'
import type { KekStatus, SecretStatus } from '#shared/contracts/secret-rotation.ts'
import { KekFailure, type KeyRing, providerOf, type SecretContext, type WrappedDek } from './key-ring.ts'

/** Which keys wrap how many secrets. One secret of each key is tried, so that a key nobody has, or may use, is known before a customer meets it. */
export async function readSecretStatus(db: Db, ring: KeyRing): Promise<SecretStatus> {
  const { name: kek, currentKeyId: kekId } = ring.current
  const keys = await Promise.all((await countSecretsByKek(db)).map((use) => statusOf(use, ring)))
  if (!keys.some(({ isCurrent }) => isCurrent)) keys.push({ kek, kekId, secrets: 0, isCurrent: true, problem: null })
  return { keys }
}

async function statusOf({ secrets, sample }: KekUse, ring: KeyRing): Promise<KekStatus> {
  const { place, secret } = sample
  const { kek, kekId, version } = secret
  const isCurrent = kek === ring.current.name && kekId === ring.current.currentKeyId
  return { kek, kekId, secrets, isCurrent, problem: await problemOf(ring, secret, { ...place, version }) }
}

async function problemOf(ring: KeyRing, wrapped: WrappedDek, context: SecretContext): Promise<string | null> {
  try {
    const dek = await providerOf(ring, wrapped.kek).unwrap(wrapped, context)
    dek.fill(0)
    return null
  } catch (error) {
    if (error instanceof KekFailure) return error.message
    throw error
  }
}
