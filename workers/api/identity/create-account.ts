import type { Db } from '#db/client.ts'
import { insertAccount } from '#db/queries/accounts/insert-account.ts'
import { newId } from '#shared/values/id.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Actor } from '#workers/services/platform.ts'

export interface NewAccount {
  email: string
  name: string
  /** Null for one who signs in by other means. */
  passwordHash: string | null
  emailVerified: boolean
}

/**
 * Makes an account with an organization of its own; call it in a transaction. Null when the address is taken: of two at once, the second waits for the
 * first to commit. The audit log tells it as the new user's own doing, whoever asked.
 */
export async function createAccount(tx: Db, actor: Actor, account: NewAccount): Promise<{ userId: string; organizationId: string } | null> {
  const [userId, organizationId] = [newId('usr'), newId('org')]
  const organization = { organizationId, name: organizationNameOf(account.name) }
  if (!(await insertAccount(tx, { userId, ...account, organization }))) return null
  const themselves: Actor = { ...actor, type: 'user', id: userId }
  const { emailVerified, passwordHash } = account
  await recordChange(tx, themselves, {
    chain: { userId },
    action: 'user.created',
    target: { type: 'user', id: userId },
    after: { emailVerified, hasPassword: passwordHash !== null },
  })
  await recordChange(tx, themselves, {
    chain: { organizationId },
    action: 'organization.created',
    target: { type: 'organization', id: organizationId },
    after: { personal: true },
  })
  return { userId, organizationId }
}

/** The most that a name may have (`DisplayName`). */
const longestName = 120

function organizationNameOf(name: string): string {
  const possessive = `${name}'s organization`
  return possessive.length <= longestName ? possessive : 'Personal organization'
}
