import { z } from 'zod'
import { Limits } from '../account.ts'
import { CustomerKeyChange, KeyChangeAnswer, NewCustomerKey } from '../customer-key.ts'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'

const root = '/api/organizations/:organizationId/keys'
const one = `${root}/:keyId` as const

/** An API key as it may be shown after its creation. */
export const ApiKey = z.object({
  keyId: z.string(),
  name: z.string(),
  /** The beginning and the end of the key, by which its owner knows it. */
  redactedKey: z.string(),
  status: z.enum(['active', 'expired', 'revoked']),
  limits: Limits,
  /** Null allows every model. */
  allowedModels: z.array(z.string()).nullable(),
  /** Addresses and networks (CIDR) that it may be used from; null allows every one. */
  allowedIps: z.array(z.string()).nullable(),
  /** Id of the user, management key or operator that made it; null when nobody noted it. */
  createdBy: z.string().nullable(),
  /** The key whose place it took by rotation. */
  replaces: z.string().nullable(),
  expiresAt: z.iso.datetime().nullable(),
  revokedAt: z.iso.datetime().nullable(),
  /** When the last request with it began, a few seconds after that has ended. */
  lastUsedAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
})
export type ApiKey = z.infer<typeof ApiKey>

/**
 * The only answer that ever carries the key itself. `pushed` as everywhere: when it is false, the change stands and reaches the customer's running
 * requests within seconds.
 */
export const CreatedApiKey = ApiKey.extend({ apiKey: z.string(), pushed: z.boolean() })
export type CreatedApiKey = z.infer<typeof CreatedApiKey>

const isNamed = (change: object) => Object.keys(change).length > 0

export const KeyRotation = z.strictObject({
  /** For how long the old key goes on, in seconds: at most thirty days, a day when absent. With 0 it ends at once. */
  overlapSeconds: z.int().min(0).max(2_592_000).default(86_400),
})

/** `replacedExpiresAt` is when the old key ends. */
export const RotatedApiKey = CreatedApiKey.extend({ replacedExpiresAt: z.iso.datetime() })
export type RotatedApiKey = z.infer<typeof RotatedApiKey>

export const keyOperations = {
  list: operation({
    id: 'keys.list',
    method: 'GET',
    path: root,
    access: 'keys.list',
    summary: 'The API keys of an organization, newest first, revoked ones too',
    description: 'A developer sees the keys that they have made.',
    query: PageQuery,
    answer: pageOf(ApiKey),
  }),
  create: operation({
    id: 'keys.create',
    method: 'POST',
    path: root,
    access: 'keys.create',
    summary: 'A new API key, which is shown once',
    description:
      'Limits that are not named are those that the organization gives new keys. Spend caps are in nano-dollars (1,000,000,000 are one dollar), of a UTC day and month.',
    body: NewCustomerKey,
    answer: CreatedApiKey,
    status: 201,
    idempotent: 'secret',
  }),
  read: operation({ id: 'keys.read', method: 'GET', path: one, access: 'keys.list', summary: 'An API key', answer: ApiKey }),
  change: operation({
    id: 'keys.change',
    method: 'PATCH',
    path: one,
    access: 'keys.change',
    summary: 'Changes rules of an API key that is not revoked; what is absent stays',
    description: '`limits` replaces all limits. Null lifts a restriction to models or addresses, and an expiry.',
    body: CustomerKeyChange.refine(isNamed, 'names nothing to change'),
    answer: ApiKey.extend({ pushed: z.boolean() }),
  }),
  rotate: operation({
    id: 'keys.rotate',
    method: 'POST',
    path: `${one}/rotate`,
    access: 'keys.change',
    summary: 'A new API key with the same rules, which takes the place of this one',
    description:
      'The new key is shown once. The old one goes on for the overlap, so that clients can be changed over, and then expires. What the two spend and use counts for each by itself.',
    body: KeyRotation,
    answer: RotatedApiKey,
    status: 201,
    idempotent: 'secret',
  }),
  revoke: operation({
    id: 'keys.revoke',
    method: 'DELETE',
    path: one,
    access: 'keys.revoke',
    summary: 'Ends an API key for good, from the next request on',
    answer: KeyChangeAnswer,
  }),
}
