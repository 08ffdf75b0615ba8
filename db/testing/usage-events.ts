import type { UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import type { Db } from '../client.ts'
import { createOrganization } from '../queries/create-organization.ts'

export interface EventChoice {
  requestId?: string
  costNanos?: number
  /** Only for an adjustment: what is still to be posted. */
  amountNanos?: number
  settledAtMs?: number
  startedAtMs?: number
  keyId?: string
  model?: string
  outputTokens?: number
}

/** A settlement as the ledger would send it; by default it happened just now. */
export function settlementEvent(choice: EventChoice = {}): UsageEvent {
  const costNanos = choice.costNanos ?? 1_000
  const settledAtMs = choice.settledAtMs ?? Date.now()
  return {
    kind: 'settlement',
    amountNanos: costNanos === 0 ? 0 : -costNanos,
    settledAtMs,
    request: {
      requestId: choice.requestId ?? newId('req'),
      keyId: choice.keyId ?? 'key_test',
      model: choice.model ?? 'gpt-relay-fast',
      priceVersionId: 'prc_test',
      method: 'POST',
      path: '/v1/chat/completions',
      clientIp: '203.0.113.7',
      userAgent: 'test "agent" \\ {1,2}',
      startedAtMs: choice.startedAtMs ?? settledAtMs - 800,
    },
    settlement: {
      costNanos,
      usage: { inputTokens: 100, cacheReadTokens: 0, outputTokens: choice.outputTokens ?? 50 },
      estimated: false,
      capped: false,
      end: 'completed',
      status: 200,
      routeId: 'rte_test',
      upstream: 'scripted',
      latencyMs: 800,
      timeToFirstTokenMs: 120,
    },
  }
}

/** An adjustment: `costNanos` is the whole truth, `amountNanos` what it changes. */
export function adjustmentEvent(choice: EventChoice & { requestId: string; amountNanos: number }): UsageEvent {
  const event = settlementEvent(choice)
  return { ...event, kind: 'adjustment', amountNanos: choice.amountNanos }
}

/** A new customer without credit; each test makes its own. */
export async function newCustomer(db: Db): Promise<string> {
  const organizationId = newId('org')
  await createOrganization(db, { organizationId, name: 'Test' })
  return organizationId
}
