import { z } from 'zod'
import { KekProviderName } from './sealed-secret.ts'

/** One key encryption key, and what depends on it. */
export const KekStatus = z.object({
  kek: KekProviderName,
  kekId: z.string(),
  secrets: z.int(),
  isCurrent: z.boolean(),
  /** Why one of its secrets could not be read just now; null when it could. */
  problem: z.string().nullable(),
})
export type KekStatus = z.infer<typeof KekStatus>

/** Every key that wraps something, and the current one, which wraps what is new. */
export const SecretStatus = z.object({ keys: z.array(KekStatus) })
export type SecretStatus = z.infer<typeof SecretStatus>

/** A secret by its place: table, row and purpose. Only a row may hold a slash. */
export const SecretName = z.string().regex(/^[^/]+\/.+\/[^/]+$/, 'is not the name of a secret, such as provider_credentials/byk_…/api_key')

/** Asks for one page of the rotation, of the secrets after one. */
export const NewSecretRotation = z.strictObject({ after: SecretName.optional() })
export type NewSecretRotation = z.infer<typeof NewSecretRotation>

/** What one page of the rotation did. Every secret is named by its place only. */
export const SecretRotation = z.object({
  /** Now under the current key. */
  rotated: z.int(),
  /** Replaced, removed or rotated by somebody else meanwhile. */
  overtaken: z.int(),
  /** Left as they were: no key opens them. */
  failed: z.array(z.object({ name: z.string(), reason: z.string() })),
  /** Where the next page goes on, null after the last. After `stopped`, the secret it stopped at, so that one can go on behind it. */
  next: z.string().nullable(),
  /** Why the page stopped before its end: the provider cannot be asked. Null when it did not. */
  stopped: z.string().nullable(),
})
export type SecretRotation = z.infer<typeof SecretRotation>
