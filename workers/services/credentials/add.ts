import { type AddProviderCredentialOutcome, addProviderCredential } from '#db/queries/add-provider-credential.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import type { AddedProviderCredential, NewProviderCredential } from '#shared/contracts/provider-credential.ts'
import { newId } from '#shared/values/id.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import { admitKey, type KeyRefusal } from './admit-key.ts'
import type { CredentialPlatform } from './credential-platform.ts'
import { sealKey } from './seal-key.ts'

export type AddCredentialOutcome =
  | { outcome: 'added'; credential: AddedProviderCredential }
  | KeyRefusal
  | Exclude<AddProviderCredentialOutcome, { outcome: 'added' }>

/** Stores a key that a customer has at a provider. Throws a `KekFailure`, and nothing is stored, when it cannot be sealed. */
export async function addCredential(
  platform: CredentialPlatform,
  organizationId: string,
  wanted: NewProviderCredential,
): Promise<AddCredentialOutcome> {
  const { provider, apiKey, skipValidation, priority, name = provider, models = null, keyIds = null } = wanted
  // A key is sent to nobody in the name of a customer that does not exist.
  if (!(await readOrganization(platform.db, organizationId))) return { outcome: 'refused', reason: 'organization_unknown' }
  const admitted = await admitKey(platform, { provider, baseUrl: wanted.baseUrl ?? null, apiKey, skipValidation })
  if (admitted.outcome === 'refused') return admitted
  const credentialId = newId('byk')
  const { lastFour, sealed } = await sealKey(platform.keyRing(), { organizationId, credentialId }, apiKey)
  const credential = { credentialId, provider, name, baseUrl: admitted.baseUrl, lastFour, priority, models, keyIds }
  const { value: added, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const outcome = await addProviderCredential(tx, { ...credential, organizationId, sealed })
    if (outcome.outcome === 'refused') return outcome
    const target = { type: 'provider_credential', id: credentialId }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action: 'provider_credential.added', target, after: credential })
    return outcome
  })
  if (added.outcome === 'refused') return added
  const state = { status: 'active', lastUsedAt: null, lastError: null, lastErrorAt: null } as const
  const createdAt = new Date(added.createdAtMs).toISOString()
  return { outcome: 'added', credential: { ...credential, ...state, createdAt, pushed } }
}
