import type { KeyReference } from '#db/queries/keys/key-reference.ts'
import { type RotateApiKeyOutcome, rotateApiKey } from '#db/queries/keys/rotate-api-key.ts'
import type { CreatedCustomerKey } from '#shared/contracts/customer-key.ts'
import { recordChange } from '../audit/record-change.ts'
import { recordEvent } from '../events/record-event.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'
import { mintKey } from './mint.ts'

export type RotateKeyOutcome =
  /** `endsAtMs` is when the old key ends. */
  { outcome: 'rotated'; created: CreatedCustomerKey; endsAtMs: number } | Extract<RotateApiKeyOutcome, { outcome: 'refused' }>

/**
 * Puts a new key with the same rules in the place of one, which goes on for `overlapSeconds`. The key itself is in this answer and nowhere else. The event of
 * the new key says when the old one ends; an end of its own has only a key that ends at once.
 */
export async function rotateKey(platform: Platform, key: KeyReference, overlapSeconds: number): Promise<RotateKeyOutcome> {
  const { organizationId } = key
  const { keyId, apiKey, keyHash, redacted } = await mintKey()
  const { value: rotated, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const outcome = await rotateApiKey(tx, key, { keyId, keyHash, redacted, createdBy: platform.actor.id }, overlapSeconds)
    if (outcome.outcome === 'refused') return outcome
    const { name } = outcome
    const endsAt = new Date(outcome.endsAtMs).toISOString()
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'key.rotated',
      target: { type: 'api_key', id: key.keyId },
      after: { replacedBy: keyId, redacted, expiresAt: endsAt },
    })
    const replaces = { keyId: key.keyId, endsAt }
    const data = { keyId, name, redactedKey: redacted, createdBy: platform.actor.id, replaces }
    await recordEvent(tx, { organizationId, type: 'key.created', data })
    const ended = { keyId: key.keyId, name, redactedKey: outcome.redacted }
    if (overlapSeconds === 0) await recordEvent(tx, { organizationId, type: 'key.revoked', data: ended })
    return outcome
  })
  if (rotated.outcome === 'refused') return rotated
  return { outcome: 'rotated', created: { organizationId, keyId, apiKey, redactedKey: redacted, pushed }, endsAtMs: rotated.endsAtMs }
}
