import { z } from 'zod'
import { DisplayName } from '../values/display-name.ts'
import { Limits } from './account.ts'

export const KeyId = z.string().regex(/^key_[0-9a-z_]{1,64}$/, 'is not a key id, such as key_01jd7m3v9c4t8k2n5q6r7s8w9x')

/** The ids of the models a key may use; an empty list is refused because it reads like "all" and would mean "none". */
const AllowedModels = z.array(z.string().min(1).max(200)).min(1).max(200)

/** A new key of a customer. Without `allowedModels` it may use every model, without `expiresAt` it never expires. */
export const NewCustomerKey = z.strictObject({
  name: DisplayName.optional(),
  limits: z.strictObject(Limits.shape).optional(),
  allowedModels: AllowedModels.optional(),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
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
  expiresAt: z.iso.datetime().nullable(),
  revokedAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
})
export type CustomerKey = z.infer<typeof CustomerKey>

export const CustomerKeyList = z.object({ keys: z.array(CustomerKey) })
export type CustomerKeyList = z.infer<typeof CustomerKeyList>

/** Replaces all limits of a key. */
export const KeyLimitsChange = z.strictObject({ limits: z.strictObject(Limits.shape) })
export type KeyLimitsChange = z.infer<typeof KeyLimitsChange>

/** `pushed` as in ChangeAnswer: until it is true, a running ledger object may admit a revoked key for one time to live. */
export const KeyChangeAnswer = z.object({ organizationId: z.string(), keyId: z.string(), pushed: z.boolean() })
export type KeyChangeAnswer = z.infer<typeof KeyChangeAnswer>
