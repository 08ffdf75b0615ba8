import { type ChangeApiKeyOutcome, changeApiKey, type KeyRules } from '#db/queries/keys/change-api-key.ts'
import type { KeyReference } from '#db/queries/keys/key-reference.ts'
import type { CustomerKeyChange, KeyChangeAnswer } from '#shared/contracts/customer-key.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'

export type ChangeKeyOutcome = { outcome: 'changed'; answer: KeyChangeAnswer } | Extract<ChangeApiKeyOutcome, { outcome: 'refused' }>

/** Changes rules of a key that is not revoked; what is absent stays as it is. */
export async function changeKey(
  platform: Platform,
  key: KeyReference,
  { expiresAt, ...rest }: CustomerKeyChange,
): Promise<ChangeKeyOutcome> {
  const { organizationId, keyId } = key
  const change = { ...rest, ...(expiresAt !== undefined && { expiresAtMs: expiresAt === null ? null : Date.parse(expiresAt) }) }
  const { value: changed, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const outcome = await changeApiKey(tx, key, change)
    if (outcome.outcome === 'refused') return outcome
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'key.changed',
      target: { type: 'api_key', id: keyId },
      before: told(outcome.before, change),
      after: told(outcome.after, change),
    })
    return outcome
  })
  return changed.outcome === 'refused' ? changed : { outcome: 'changed', answer: { organizationId, keyId, pushed } }
}

/** What the change named, of the rules before or after it. */
function told({ expiresAtMs, ...rules }: KeyRules, change: Partial<KeyRules>): Record<string, unknown> {
  const all = { ...rules, expiresAtMs, expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString() }
  const named = new Set(Object.keys(change).map((name) => (name === 'expiresAtMs' ? 'expiresAt' : name)))
  return Object.fromEntries(Object.entries(all).filter(([name]) => named.has(name)))
}
