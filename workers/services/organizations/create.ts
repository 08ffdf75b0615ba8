import { createCustomer } from '#db/queries/create-customer.ts'
import type { CreatedCustomer, NewCustomer } from '#shared/contracts/customer.ts'
import { newId } from '#shared/values/id.ts'
import { recordChange } from '../audit/record-change.ts'
import { creditEventId } from '../billing/credit.ts'
import { recordEvent } from '../events/record-event.ts'
import { mintKey } from '../keys/mint.ts'
import type { Platform } from '../platform.ts'

/**
 * Makes a customer with its first key and its opening credit, in one transaction. The ledger object is not told: it does not exist yet, and
 * whoever touches it first decides on which continent it lives. That should be the customer's first request.
 */
export async function createOrganization(platform: Platform, wanted: NewCustomer): Promise<CreatedCustomer> {
  const organizationId = newId('org')
  const { keyId, apiKey, keyHash, redacted } = await mintKey()
  const amountNanos = wanted.creditNanos ?? 0
  const { name = organizationId, overdraftNanos = 0, lowBalanceNanos = null, limits = {} } = wanted
  const customer = {
    organizationId,
    name,
    overdraftNanos,
    lowBalanceNanos,
    limits,
    key: { keyId, name: 'First key', keyHash, redacted, createdBy: platform.actor.id },
    credit:
      amountNanos === 0
        ? null
        : { amountNanos, eventId: creditEventId(`opening:${organizationId}`), reason: `opening credit (${platform.actor.id})` },
  }
  await platform.transact(async (tx) => {
    await createCustomer(tx, customer)
    const after = { name, overdraftNanos, lowBalanceNanos, limits, balanceNanos: amountNanos }
    const target = { type: 'organization', id: organizationId }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action: 'organization.created', target, after })
    const { name: keyName, createdBy } = customer.key
    const data = { keyId, name: keyName, redactedKey: redacted, createdBy, replaces: null }
    await recordEvent(tx, { organizationId, type: 'key.created', data })
  })
  return { organizationId, keyId, apiKey }
}
