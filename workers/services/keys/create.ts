import { createApiKey } from '#db/queries/create-api-key.ts'
import type { CreatedCustomerKey, NewCustomerKey } from '#shared/contracts/customer-key.ts'
import { recordChange } from '../audit/record-change.ts'
import { recordEvent } from '../events/record-event.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'
import { mintKey } from './mint.ts'

export type CreateKeyOutcome =
  | { outcome: 'created'; created: CreatedCustomerKey }
  | { outcome: 'refused'; reason: 'organization_unknown' | 'too_many_keys' }

/** Gives a customer one more key. The key itself is in this answer and nowhere else. */
export async function createKey(platform: Platform, organizationId: string, wanted: NewCustomerKey): Promise<CreateKeyOutcome> {
  const { keyId, apiKey, keyHash, redacted } = await mintKey()
  const { name = 'API key', limits, allowedModels = null, allowedIps = null, expiresAt = null } = wanted
  const { value: stored, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt)
    const rules = { ...(limits && { limits }), allowedModels, allowedIps, expiresAtMs }
    const created = await createApiKey(tx, { keyId, organizationId, name, keyHash, redacted, createdBy: platform.actor.id, ...rules })
    if (created.outcome === 'refused') return created
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'key.created',
      target: { type: 'api_key', id: keyId },
      after: { name, redacted, limits: created.limits, allowedModels, allowedIps, expiresAt },
    })
    const data = { keyId, name, redactedKey: redacted, createdBy: platform.actor.id, replaces: null }
    await recordEvent(tx, { organizationId, type: 'key.created', data })
    return created
  })
  if (stored.outcome === 'refused') return stored
  return { outcome: 'created', created: { organizationId, keyId, apiKey, redactedKey: redacted, pushed } }
}
