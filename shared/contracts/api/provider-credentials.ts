import { z } from 'zod'
import {
  AddedProviderCredential,
  CredentialChangeAnswer,
  CredentialTest,
  FallbackAnswer,
  FallbackChange,
  NewProviderCredential,
  NewProviderKey,
  ProviderCredential,
} from '../provider-credential.ts'
import { operation } from './operation.ts'

const root = '/api/organizations/:organizationId/provider-credentials'
const one = `${root}/:credentialId` as const

/** As `ProviderCredential`; who sees credentials redacted is not told where they lead, whom they serve and how they fare. */
const ListedCredential = ProviderCredential.partial({ baseUrl: true, keyIds: true, lastUsedAt: true, lastError: true, lastErrorAt: true })

export const ProviderCredentials = z.object({
  data: z.array(ListedCredential),
  /** Whether requests that no credential could serve are served with paid credit. */
  fallback: z.boolean(),
})
export type ProviderCredentials = z.infer<typeof ProviderCredentials>

/** The key is in the body of a request alone: no answer ever holds one. */
export const providerCredentialOperations = {
  list: operation({
    id: 'providerCredentials.list',
    method: 'GET',
    path: root,
    access: 'byok.list',
    summary: 'The keys at providers that an organization brings along (BYOK), in the order in which they are tried',
    answer: ProviderCredentials,
  }),
  // Without an Idempotency-Key: what is kept to compare a second request by would let a weak key of a self-made provider be guessed.
  add: operation({
    id: 'providerCredentials.add',
    method: 'POST',
    path: root,
    access: 'byok.change',
    summary: 'Stores a key at a provider, sealed',
    description: 'The provider is asked first whether it takes the key, unless `skipValidation` is set.',
    body: NewProviderCredential,
    answer: AddedProviderCredential,
    status: 201,
  }),
  replaceKey: operation({
    id: 'providerCredentials.replaceKey',
    method: 'PUT',
    path: `${one}/key`,
    access: 'byok.change',
    summary: 'Puts another key in the place of a stored one; a paused credential works again',
    body: NewProviderKey,
    answer: CredentialChangeAnswer,
  }),
  remove: operation({
    id: 'providerCredentials.remove',
    method: 'DELETE',
    path: one,
    access: 'byok.change',
    summary: 'Forgets a credential and its key',
    answer: CredentialChangeAnswer,
  }),
  test: operation({
    id: 'providerCredentials.test',
    method: 'POST',
    path: `${one}/test`,
    access: 'byok.change',
    summary: 'Asks the provider whether it takes the stored key; changes nothing',
    answer: CredentialTest,
  }),
  setFallback: operation({
    id: 'providerCredentials.setFallback',
    method: 'PUT',
    path: `${root}/fallback`,
    access: 'byok.change',
    summary: 'Sets whether paid credit serves what no credential could',
    body: FallbackChange,
    answer: FallbackAnswer,
  }),
}
