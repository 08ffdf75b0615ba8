import { claimIdentity, type IdentityProvider } from '#db/queries/accounts/claim-identity.ts'
import { lockUser } from '#db/queries/accounts/find-user.ts'
import { insertIdentity } from '#db/queries/accounts/insert-identity.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { ProviderIdentity } from './provider.ts'
import { recordLink } from './record-link.ts'

export type LinkOutcome = 'linked' | 'unchanged' | 'email_unverified' | 'identity_taken' | 'already_linked' | 'expired'

/** Links an account at a provider to a user who is signed in, and mails it to them. */
export async function linkIdentity(
  platform: Platform,
  userId: string,
  provider: IdentityProvider,
  { subject, email }: ProviderIdentity,
): Promise<LinkOutcome> {
  return platform.transact(async (tx): Promise<LinkOutcome> => {
    const ownerId = await claimIdentity(tx, { provider, subject })
    if (ownerId !== null) return ownerId === userId ? 'unchanged' : 'identity_taken'
    if (email === null) return 'email_unverified'
    if (!(await lockUser(tx, userId))) return 'expired'
    if (!(await insertIdentity(tx, { provider, subject, userId, email }))) return 'already_linked'
    await recordLink(tx, platform.actor, userId, provider)
    await queueMail(tx, { kind: 'notice', userId, notice: 'identity_linked' })
    return 'linked'
  })
}
