import { findProviderCredential } from '#db/queries/find-provider-credential.ts'
import { replaceProviderCredential } from '#db/queries/replace-provider-credential.ts'
import type { CredentialChangeAnswer, NewProviderKey } from '#shared/contracts/provider-credential.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import { admitKey, type KeyRefusal } from './admit-key.ts'
import type { CredentialPlatform } from './credential-platform.ts'
import { sealKey } from './seal-key.ts'

export type ReplaceCredentialOutcome =
  | { outcome: 'replaced'; answer: CredentialChangeAnswer }
  | KeyRefusal
  /** `overtaken`: somebody else replaced or removed it in between, and nothing was changed. */
  | { outcome: 'refused'; reason: 'credential_unknown' | 'overtaken' }

/** Puts another key in the place of a credential's; a paused one works again. Throws a `KekFailure`, and nothing changes, when it cannot be sealed. */
export async function replaceCredential(
  platform: CredentialPlatform,
  which: { organizationId: string; credentialId: string },
  { apiKey, skipValidation }: NewProviderKey,
): Promise<ReplaceCredentialOutcome> {
  const found = await findProviderCredential(platform.db, which)
  if (!found) return { outcome: 'refused', reason: 'credential_unknown' }
  const admitted = await admitKey(platform, { provider: found.provider, baseUrl: found.baseUrl, apiKey, skipValidation })
  if (admitted.outcome === 'refused') return admitted
  const key = await sealKey(platform.keyRing(), which, apiKey, found.sealed.version + 1)
  const { organizationId, credentialId } = which
  const { value, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const outcome = await replaceProviderCredential(tx, { ...which, ...key })
    if (outcome === 'overtaken') return null
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'provider_credential.replaced',
      target: { type: 'provider_credential', id: credentialId },
      before: { lastFour: found.lastFour },
      after: { lastFour: key.lastFour },
    })
    return outcome
  })
  return value === null ? { outcome: 'refused', reason: 'overtaken' } : { outcome: 'replaced', answer: { ...which, pushed } }
}
