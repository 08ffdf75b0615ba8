import type { AttemptOutcome, UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import type { Db } from '../client.ts'
import { createOrganization } from '../queries/create-organization.ts'
import { providerCredentials, secrets } from '../schema/index.ts'

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

/** A settlement, free of charge, of a request for which these credentials of its customer were tried; the one that answered has served it. */
export function usedEvent(uses: [credentialId: string, outcome: AttemptOutcome][], choice: EventChoice = {}): UsageEvent {
  const event = settlementEvent({ costNanos: 0, ...choice })
  const attempts = uses.map(([credentialId, outcome]) => {
    return { routeId: 'rte_test', upstream: 'scripted', credentialId, outcome, status: null, latencyMs: 9, costNanos: null }
  })
  const served = attempts.find(({ outcome }) => outcome === 'answered')
  return { ...event, settlement: { ...event.settlement, attempts, ...(served && { credentialId: served.credentialId }) } }
}

/** A provider credential that nobody has used yet. */
export async function newCredential(db: Db, organizationId: string): Promise<string> {
  const id = newId('byk')
  await db.insert(providerCredentials).values({ id, organizationId, provider: 'openai', name: 'Test', lastFour: 'abcd' })
  // Long before any request, so that every attempt was made with this key.
  const sealed = {
    version: 1,
    kek: 'local',
    kekId: 'test',
    wrappedDek: 'a'.repeat(80),
    sealed: 'a'.repeat(39),
    createdAt: new Date(0),
  } as const
  await db.insert(secrets).values({ ownerTable: 'provider_credentials', ownerId: id, purpose: 'api_key', organizationId, ...sealed })
  return id
}

/** A new customer without credit; each test makes its own. */
export async function newCustomer(db: Db): Promise<string> {
  const organizationId = newId('org')
  await createOrganization(db, { organizationId, name: 'Test' })
  return organizationId
}
