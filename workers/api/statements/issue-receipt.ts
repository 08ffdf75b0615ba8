import { type BillingRecord, readReceipt } from '#db/queries/statements/read-receipt.ts'
import { Receipt, receiptType } from '#shared/contracts/receipt.ts'
import { ownKeyPrice } from '#shared/pricing/own-key-price.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Surroundings } from '../env.ts'
import { receiptSigner } from '../signing/receipt-keys.ts'

/** A request's billing record as a compact JWS. Throws 404 for a request that is not this organization's. */
export async function issueReceipt(surroundings: Surroundings, organizationId: string, requestId: string): Promise<string> {
  const record = await readReceipt(surroundings.db, organizationId, requestId)
  if (!record) throw new Problem('not_found', 'There is no such request.')
  const sign = await receiptSigner(surroundings)
  const { startedAtMs, settledAtMs, upstream, upstreamKind, entries } = record
  // The contract leaves of the record what a customer may see.
  const receipt = Receipt.parse({
    ...record,
    iss: surroundings.portalUrl,
    sub: organizationId,
    iat: Math.floor(Date.now() / 1_000),
    version: 1,
    requestId,
    startedAt: new Date(startedAtMs).toISOString(),
    settledAt: new Date(settledAtMs).toISOString(),
    route: { kind: routeKindOf(record), upstream, upstreamKind },
    price: record.priceVersionId === ownKeyPrice.priceVersionId ? ownKeyPrice : record.price,
    currency: 'USD',
    entries: entries.map(({ atMs, ...entry }) => ({ ...entry, at: new Date(atMs).toISOString() })),
  } satisfies Receipt & Record<string, unknown>)
  return sign(receiptType, receipt)
}

function routeKindOf({ credentialId, upstream }: BillingRecord): Receipt['route']['kind'] {
  if (credentialId !== null) return 'own_key'
  return upstream === null ? 'none' : 'platform'
}
