import { z } from 'zod'

/** Who wraps data encryption keys: a master key in a secret binding, or AWS KMS. */
export const KekProviderName = z.enum(['local', 'aws'])
export type KekProviderName = z.infer<typeof KekProviderName>

/** A secret as it is stored. Both texts are base64url without padding. */
export const SealedSecret = z.object({
  /** Raised each time the secret itself is replaced. */
  version: z.int().min(1),
  kek: KekProviderName,
  kekId: z.string(),
  wrappedDek: z.string(),
  /** A 96-bit nonce, the ciphertext and its 128-bit tag. */
  sealed: z.string(),
})
export type SealedSecret = z.infer<typeof SealedSecret>

/** Where a secret belongs: it opens nowhere else. */
export interface SecretPlace {
  /** Null for the platform's own. */
  organizationId: string | null
  table: string
  row: string
  purpose: string
}
