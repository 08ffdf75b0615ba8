import { and, eq } from 'drizzle-orm'
import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../client.ts'
import { secrets } from '../schema/index.ts'
import { insertSecret } from './insert-secret.ts'

/** The sealed secret of a place; null when there is none. */
export async function readSecret(db: Db, place: SecretPlace): Promise<SealedSecret | null> {
  const { version, kek, kekId, wrappedDek, sealed } = secrets
  const [row] = await db.select({ version, kek, kekId, wrappedDek, sealed }).from(secrets).where(isAt(place))
  return row ?? null
}

/** Puts a secret in its place; what was there is gone. The caller holds the lock of its owner's row. */
export async function putSecret(tx: Db, place: SecretPlace, sealed: SealedSecret): Promise<void> {
  await deleteSecret(tx, place)
  await tx.execute(insertSecret(place, sealed))
}

export async function deleteSecret(tx: Db, place: SecretPlace): Promise<void> {
  await tx.delete(secrets).where(isAt(place))
}

function isAt({ table, row, purpose }: SecretPlace) {
  return and(eq(secrets.ownerTable, table), eq(secrets.ownerId, row), eq(secrets.purpose, purpose))
}
