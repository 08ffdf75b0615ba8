import { z } from 'zod'
import { DisplayName } from '../values/display-name.ts'
import { KeyId, ModelIds } from './customer-key.ts'
import { SealedSecret, type SecretPlace } from './sealed-secret.ts'
import { AttemptOutcome } from './usage-event.ts'

/** Whose key a customer brings along: a provider of the catalogue, by `upstreams.byok`, or any other that speaks as OpenAI does. */
export const ByokProvider = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'is not the name of a provider, such as openai')
export const openaiCompatible = 'openai-compatible'

export const CredentialId = z
  .string()
  .regex(/^byk_[0-9a-z_]{1,64}$/, 'is not the id of a provider credential, such as byk_01jd7m3v9c4t8k2n5q6r7s8w9x')

/** A provider's key: printable ASCII without blanks, since it is sent in a header. */
export const ProviderKey = z.string().regex(/^[!-~]{8,512}$/, 'may have 8 to 512 printable characters and no blanks')

/** A key a customer brings along. `baseUrl` and `models` are needed for `openai-compatible`, and `baseUrl` is for it alone. */
export const NewProviderCredential = z
  .strictObject({
    provider: ByokProvider,
    apiKey: ProviderKey,
    name: DisplayName.optional(),
    baseUrl: z.string().max(500).optional(),
    models: ModelIds.optional(),
    keyIds: z.array(KeyId).min(1).max(200).optional(),
    priority: z.int().min(0).max(1_000).default(0),
    /** Stores the key without having asked the provider whether it works. */
    skipValidation: z.boolean().default(false),
  })
  .refine(({ provider, baseUrl }) => (provider === openaiCompatible) === (baseUrl !== undefined), {
    path: ['baseUrl'],
    message: 'is needed for openai-compatible, and for no other provider',
  })
  .refine(({ provider, models }) => provider !== openaiCompatible || models !== undefined, {
    path: ['models'],
    message: 'must name what the provider serves',
  })
export type NewProviderCredential = z.infer<typeof NewProviderCredential>

/** A credential as it may be shown: never the key. */
export const ProviderCredential = z.object({
  credentialId: z.string(),
  provider: ByokProvider,
  name: z.string(),
  baseUrl: z.string().nullable(),
  lastFour: z.string(),
  priority: z.int(),
  models: z.array(z.string()).nullable(),
  keyIds: z.array(z.string()).nullable(),
  /** `paused` after the provider has refused the key several times in a row. */
  status: z.enum(['active', 'paused']),
  lastUsedAt: z.iso.datetime().nullable(),
  lastError: AttemptOutcome.nullable(),
  lastErrorAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
})
export type ProviderCredential = z.infer<typeof ProviderCredential>

/** Answer to an added credential. `pushed` as in ChangeAnswer. */
export const AddedProviderCredential = ProviderCredential.extend({ pushed: z.boolean() })
export type AddedProviderCredential = z.infer<typeof AddedProviderCredential>

/** Another key in the place of a credential's; `skipValidation` as in NewProviderCredential. */
export const NewProviderKey = z.strictObject({ apiKey: ProviderKey, skipValidation: z.boolean().default(false) })
export type NewProviderKey = z.infer<typeof NewProviderKey>

/** Answer to a replaced or removed key. `pushed` as in ChangeAnswer. */
export const CredentialChangeAnswer = z.object({ organizationId: z.string(), credentialId: z.string(), pushed: z.boolean() })
export type CredentialChangeAnswer = z.infer<typeof CredentialChangeAnswer>

/** Whether requests that no credential could serve shall be served with paid credit. */
export const FallbackChange = z.strictObject({ fallback: z.boolean() })

export const FallbackAnswer = z.object({ organizationId: z.string(), fallback: z.boolean(), pushed: z.boolean() })
export type FallbackAnswer = z.infer<typeof FallbackAnswer>

export const ProviderCredentialList = z.object({
  credentials: z.array(ProviderCredential),
  /** Whether requests that no credential could serve are served with paid credit. */
  fallback: z.boolean(),
})
export type ProviderCredentialList = z.infer<typeof ProviderCredentialList>

/** Whether a provider takes a key, and what it said when it does not. */
export const CredentialTest = z.object({
  outcome: z.enum(['accepted', 'refused', 'unreachable']),
  /** HTTP status of the provider; null when it gave none. */
  status: z.int().nullable(),
})
export type CredentialTest = z.infer<typeof CredentialTest>

/** What a proxy must know of one credential. */
export const OwnCredential = z.object({
  credentialId: z.string(),
  provider: ByokProvider,
  baseUrl: z.string().nullable(),
  priority: z.int(),
  models: z.array(z.string()).nullable(),
  keyIds: z.array(z.string()).nullable(),
  isPaused: z.boolean(),
  sealed: SealedSecret,
})
export type OwnCredential = z.infer<typeof OwnCredential>

/** All credentials of a customer; `version` is `organizations.credentials_version`, which every change of them raises. */
export const OwnKeys = z.object({ version: z.int().min(0), fallback: z.boolean(), credentials: z.array(OwnCredential) })
export type OwnKeys = z.infer<typeof OwnKeys>

/** Where the key of a credential is sealed. */
export function credentialPlace(organizationId: string, credentialId: string): SecretPlace {
  return { organizationId, table: 'provider_credentials', row: credentialId, purpose: 'api_key' }
}
