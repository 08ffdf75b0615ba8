import { z } from 'zod'
import { DisplayName } from '../values/display-name.ts'
import { parseNetwork } from '../values/ip-address.ts'
import { Limits } from './account.ts'

export const KeyId = z.string().regex(/^key_[0-9a-z_]{1,64}$/, 'is not a key id, such as key_01jd7m3v9c4t8k2n5q6r7s8w9x')

/** Ids of models. An empty list is refused because it reads like "all" and would mean "none"; control characters, because no id has any. */
export const ModelIds = z
  .array(
    z
      .string()
      .min(1)
      .max(200)
      .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'is not the id of a model'),
  )
  .min(1)
  .max(200)

/** Addresses and networks (CIDR) that a key may be used from; an empty list is refused as that of models is. */
export const AllowedIps = z
  .array(
    z
      .string()
      .max(49)
      .refine((text) => parseNetwork(text) !== null, 'is no address or network, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32'),
  )
  .min(1)
  .max(50)

/** When a key ends. In another zone the first and last of the years with four digits would be outside of them. */
export const ExpiresAt = z.iso
  .datetime({ offset: true })
  .max(40)
  .refine(
    (text) => Date.parse(text) >= Date.UTC(2000, 0) && Date.parse(text) < Date.UTC(9999, 0),
    'must be between the years 2000 and 9998',
  )

/** A new key of a customer. Without `allowedModels` it may use every model, without `allowedIps` from everywhere, without `expiresAt` it never expires. */
export const NewCustomerKey = z.strictObject({
  name: DisplayName.optional(),
  /** A limit that is not named is the organization's default for new keys, where it has one. */
  limits: z.strictObject(Limits.shape).optional(),
  allowedModels: ModelIds.optional(),
  allowedIps: AllowedIps.optional(),
  expiresAt: ExpiresAt.optional(),
})
export type NewCustomerKey = z.infer<typeof NewCustomerKey>

/** The only answer that ever carries the key itself. `pushed` as in ChangeAnswer. */
export const CreatedCustomerKey = z.object({
  organizationId: z.string(),
  keyId: z.string(),
  apiKey: z.string(),
  redactedKey: z.string(),
  pushed: z.boolean(),
})
export type CreatedCustomerKey = z.infer<typeof CreatedCustomerKey>

/** A key as it may be shown after its creation. */
export const CustomerKey = z.object({
  keyId: z.string(),
  name: z.string(),
  redactedKey: z.string(),
  limits: Limits,
  allowedModels: z.array(z.string()).nullable(),
  allowedIps: z.array(z.string()).nullable(),
  /** Id of the user, management key or operator that made it; null when nobody noted it. */
  createdBy: z.string().nullable(),
  expiresAt: z.iso.datetime().nullable(),
  revokedAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
})
export type CustomerKey = z.infer<typeof CustomerKey>

export const CustomerKeyList = z.object({ keys: z.array(CustomerKey) })
export type CustomerKeyList = z.infer<typeof CustomerKeyList>

/** Changes rules of a key; what is absent stays. `limits` replaces all of them, and null lifts what else it stands for. */
export const CustomerKeyChange = z.strictObject({
  name: DisplayName.exactOptional(),
  limits: z.strictObject(Limits.shape).exactOptional(),
  allowedModels: ModelIds.nullable().exactOptional(),
  allowedIps: AllowedIps.nullable().exactOptional(),
  expiresAt: ExpiresAt.nullable().exactOptional(),
})
export type CustomerKeyChange = z.infer<typeof CustomerKeyChange>

/** Replaces all limits of a key. */
export const KeyLimitsChange = z.strictObject({ limits: z.strictObject(Limits.shape) })
export type KeyLimitsChange = z.infer<typeof KeyLimitsChange>

/** `pushed` as in ChangeAnswer: until it is true, a running ledger object may admit a revoked key for one time to live. */
export const KeyChangeAnswer = z.object({ organizationId: z.string(), keyId: z.string(), pushed: z.boolean() })
export type KeyChangeAnswer = z.infer<typeof KeyChangeAnswer>
