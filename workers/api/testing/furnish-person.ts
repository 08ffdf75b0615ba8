import { eq } from 'drizzle-orm'
import type { Db } from '#db/client.ts'
import { createApiKey } from '#db/queries/create-api-key.ts'
import { apiKeys, identities, passkeys, recoveryCodes, secrets, users } from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import type { TestPerson } from './stage.ts'

/**
 * Gives a person what an account may have beside its row, and a key that they made in this organization. Every secret, or hash of one, has the word
 * `canary` or `scrypt` in it, or is `hashOf` the person.
 */
export async function furnishPerson(db: Db, person: TestPerson, organizationId: string): Promise<void> {
  const { userId } = person
  await db.update(users).set({ passwordHash: 'scrypt$canary', totpEnabledAt: new Date(), totpLastStep: 1 }).where(eq(users.id, userId))
  const passkey = {
    id: newId('pky'),
    userId,
    name: 'Laptop',
    credentialId: `canary-${userId}`,
    publicKey: 'canary',
    counter: 0,
    backedUp: true,
  }
  await db.insert(passkeys).values(passkey)
  await db.insert(identities).values({ provider: 'github', subject: userId, userId, email: person.email })
  await db.insert(recoveryCodes).values([
    { userId, codeHash: 'canary-1' },
    { userId, codeHash: 'canary-2', usedAt: new Date() },
  ])
  await addSealedSecret(db, { ownerTable: 'users', ownerId: userId, organizationId: null })
  const key = { keyId: newId('key'), organizationId, name: 'Key', keyHash: hashOf(userId), redacted: 'rr_...abcd' }
  await createApiKey(db, key)
  await db.update(apiKeys).set({ createdBy: userId }).where(eq(apiKeys.id, key.keyId))
}

/** A row of `secrets` that opens nowhere. */
export async function addSealedSecret(
  db: Db,
  owner: { ownerTable: string; ownerId: string; organizationId: string | null },
): Promise<void> {
  const row = { purpose: 'totp', version: 1, kek: 'local', kekId: 'test', wrappedDek: 'w'.repeat(90), sealed: 'canary'.repeat(10) } as const
  await db.insert(secrets).values({ ...owner, ...row })
}

/** 64 digits of hex that no other owner has. */
export function hashOf(owner: string): string {
  return Buffer.from(owner).toString('hex').padEnd(64, '0').slice(-64)
}
