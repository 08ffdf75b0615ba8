import { createApiKey } from '#db/queries/create-api-key.ts'
import type { CreatedCustomerKey, NewCustomerKey } from '#shared/contracts/customer-key.ts'
import { pushSnapshot } from '../ledger/push-snapshot.ts'
import type { Platform } from '../platform.ts'
import { mintKey } from './mint.ts'

export type CreateKeyOutcome =
  | { outcome: 'created'; created: CreatedCustomerKey }
  | { outcome: 'refused'; reason: 'organization_unknown' | 'too_many_keys' }

/** Gives a customer one more key. The key itself is in this answer and nowhere else. */
export async function createKey(platform: Platform, organizationId: string, wanted: NewCustomerKey): Promise<CreateKeyOutcome> {
  const { keyId, apiKey, keyHash, redacted } = await mintKey()
  const stored = await createApiKey(platform.db, {
    keyId,
    organizationId,
    name: wanted.name ?? 'API key',
    keyHash,
    redacted,
    limits: wanted.limits ?? {},
    allowedModels: wanted.allowedModels ?? null,
    expiresAtMs: wanted.expiresAt === undefined ? null : Date.parse(wanted.expiresAt),
  })
  if (stored.outcome === 'refused') return stored
  const pushed = await pushSnapshot(platform, organizationId)
  return { outcome: 'created', created: { organizationId, keyId, apiKey, redactedKey: redacted, pushed } }
}
