import { and, eq, isNull, ne, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../../client.ts'
import { signingKeys } from '../../schema/index.ts'
import { readRows } from '../../statements.ts'
import { insertSecret } from '../insert-secret.ts'
import type { SigningPurpose } from './list-signing-keys.ts'

/**
 * Stores a new key of a purpose and retires the others; call it in a transaction. Answers false, and changes nothing, when the newest key is younger than
 * `youngestMs`: somebody else was quicker.
 */
export async function addSigningKey(
  tx: Db,
  {
    id,
    purpose,
    place,
    sealed,
    youngestMs,
    publicJwk = null,
  }: {
    id: string
    purpose: SigningPurpose
    place: SecretPlace
    sealed: SealedSecret
    youngestMs: number
    publicJwk?: (typeof signingKeys.$inferSelect)['publicJwk']
  },
): Promise<boolean> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`signing_keys ${purpose}`}, 0))`)
  const added = await readRows(
    tx,
    sql`insert into signing_keys (id, purpose, public_jwk)
      select ${id}, ${purpose}, ${publicJwk && JSON.stringify(publicJwk)}::jsonb where not exists (
        select 1 from signing_keys k where k.purpose = ${purpose} and k.created_at > now() - make_interval(secs => ${youngestMs / 1_000})
      ) returning id`,
    z.object({ id: z.string() }),
  )
  if (added.length === 0) return false
  await tx.execute(insertSecret(place, sealed))
  await tx
    .update(signingKeys)
    .set({ retiredAt: sql`now()` })
    .where(and(eq(signingKeys.purpose, purpose), ne(signingKeys.id, id), isNull(signingKeys.retiredAt)))
  return true
}
