import type { Db } from '#db/client.ts'
import { claimIdentity, type IdentityProvider } from '#db/queries/accounts/claim-identity.ts'
import { findUserByEmail, lockUser } from '#db/queries/accounts/find-user.ts'
import { insertIdentity } from '#db/queries/accounts/insert-identity.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import { createAccount } from '../identity/create-account.ts'
import type { ProviderIdentity } from './provider.ts'
import { recordLink } from './record-link.ts'

export type EnterOutcome = { outcome: 'entered'; userId: string } | { outcome: 'refused'; reason: 'email_unverified' | 'account_exists' }

/**
 * The account that somebody enters by a provider. Who was linked enters. Who is new gets an account, its address verified as the provider vouches for it.
 * Where the address has an account already, the two are linked only when it is verified on both sides, and the provider knows that it is theirs still: an
 * address that nobody verified here may have been taken by somebody else, who would keep their password. Two at once make one account.
 */
export async function enterAccount(platform: Platform, provider: IdentityProvider, identity: ProviderIdentity): Promise<EnterOutcome> {
  const { subject, email, name } = identity
  return platform.transact(async (tx): Promise<EnterOutcome> => {
    const knownId = await claimIdentity(tx, { provider, subject })
    if (knownId !== null) return { outcome: 'entered', userId: knownId }
    if (email === null) return { outcome: 'refused', reason: 'email_unverified' }
    const created = await createAccount(tx, platform.actor, { email, name, passwordHash: null, emailVerified: true })
    const userId = created?.userId ?? (await findLinkable(tx, email, identity))
    if (userId === null) return { outcome: 'refused', reason: 'account_exists' }
    if (!(await insertIdentity(tx, { provider, subject, userId, email }))) return { outcome: 'refused', reason: 'account_exists' }
    await recordLink(tx, platform.actor, userId, provider)
    if (!created) await queueMail(tx, { kind: 'notice', userId, notice: 'identity_linked' })
    return { outcome: 'entered', userId }
  })
}

async function findLinkable(tx: Db, email: string, { mayLinkByEmail }: ProviderIdentity): Promise<string | null> {
  if (!mayLinkByEmail) return null
  const found = await findUserByEmail(tx, email)
  const user = found && (await lockUser(tx, found.id))
  return user && user.email === email && user.emailVerifiedAt !== null ? user.id : null
}
