import type { Db } from '#db/client.ts'
import { listSecretsToRewrap, type StoredSecret } from '#db/queries/list-secrets-to-rewrap.ts'
import { saveRewrappedSecret } from '#db/queries/save-rewrapped-secret.ts'
import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import type { SecretRotation } from '#shared/contracts/secret-rotation.ts'
import { KekFailure, type KeyRing, providerOf } from './key-ring.ts'
import { openSecret } from './open.ts'
import { sealSecret } from './seal.ts'

export interface RotationPage {
  /** Name of the secret after which the page begins; without it, at the first. */
  after?: string | undefined
  limit: number
  /** No secret is begun after so long, in milliseconds. */
  budgetMs: number
}

/**
 * Brings one page of secrets under the current key. Nothing is kept of a rotation but the secrets themselves: what another key still wraps is what
 * remains, so it may be cut off, run twice and run beside another. Throws what the database throws.
 */
export async function rotateSecrets(db: Db, ring: KeyRing, { after, limit, budgetMs }: RotationPage): Promise<SecretRotation> {
  const current = { kek: ring.current.name, kekId: ring.current.currentKeyId }
  const page = await listSecretsToRewrap(db, current, { after: after === undefined ? null : placeOf(after), limit })
  const endsAtMs = Date.now() + budgetMs
  const report: SecretRotation = { rotated: 0, overtaken: 0, failed: [], next: page.length === limit ? lastOf(page) : null, stopped: null }
  let previous: string | null = null
  for (const { place, secret } of page) {
    if (previous !== null && Date.now() >= endsAtMs) return { ...report, next: previous }
    const outcome = await rotateSecret(db, ring, place, secret)
    previous = nameOf(place)
    if (outcome === 'rotated' || outcome === 'overtaken') report[outcome] += 1
    else if (outcome.reason === 'unreadable') report.failed.push({ name: previous, reason: outcome.message })
    else return { ...report, next: previous, stopped: outcome.message }
  }
  return report
}

async function rotateSecret(
  db: Db,
  ring: KeyRing,
  place: SecretPlace,
  secret: SealedSecret,
): Promise<'rotated' | 'overtaken' | KekFailure> {
  const renewed = await renew(ring, place, secret).catch((error: unknown) => {
    if (error instanceof KekFailure) return error
    throw error
  })
  if (renewed instanceof KekFailure) return renewed
  return (await saveRewrappedSecret(db, place, secret, renewed)) ? 'rotated' : 'overtaken'
}

/** Within a provider only the key is wrapped anew, and KMS never shows it; from one to another the secret is sealed anew. */
async function renew(ring: KeyRing, place: SecretPlace, secret: SealedSecret): Promise<SealedSecret> {
  const { version } = secret
  if (providerOf(ring, secret.kek) !== ring.current) return sealSecret(ring, place, await openSecret(ring, place, secret), version)
  return { ...secret, ...(await ring.current.rewrap(secret, { ...place, version })) }
}

function lastOf(page: StoredSecret[]): string | null {
  const last = page.at(-1)
  return last ? nameOf(last.place) : null
}

function nameOf({ table, row, purpose }: SecretPlace): string {
  return `${table}/${row}/${purpose}`
}

function placeOf(name: string): Omit<SecretPlace, 'organizationId'> {
  const [first, last] = [name.indexOf('/'), name.lastIndexOf('/')]
  return { table: name.slice(0, first), row: name.slice(first + 1, last), purpose: name.slice(last + 1) }
}
