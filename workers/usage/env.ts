import { z } from 'zod'
import { type Db, openDb } from '#db/client.ts'
import type { CustomerLedgerRpc } from '#shared/contracts/ledger.ts'
import { assert } from '#shared/values/assert.ts'
import type { WebhookQueue } from '#workers/services/events/nudge-webhooks.ts'

/** The binding `LEDGER`, as far as a job needs its methods: one object per customer, named by the organization's id. */
export interface LedgerNamespace<Method extends keyof CustomerLedgerRpc> {
  getByName(organizationId: string): {
    [Name in Method]: (...given: Parameters<CustomerLedgerRpc[Name]>) => Promise<Awaited<ReturnType<CustomerLedgerRpc[Name]>>>
  }
}

/** A dataset of Workers Analytics Engine. */
export interface Metrics {
  writeDataPoint(point: { indexes?: string[]; blobs?: string[]; doubles?: number[] }): void
}

/** What is bound to this Worker. Only this file reads it; all else gets a `Platform`. */
export interface UsageEnv {
  DATABASE_URL?: string
  NEON_ENDPOINT?: string
  LEDGER?: LedgerNamespace<'applied' | 'refresh' | 'audit'>
  WEBHOOK_QUEUE?: WebhookQueue
  METRICS?: Metrics
}

/** What recording takes. */
export interface Platform {
  db: Db
  ledger: LedgerNamespace<'applied' | 'refresh'>
  webhooks: WebhookQueue
}

/** What reconciliation takes. Without metrics, as on the bench, it reports into its table and the log alone. */
export interface AuditPlatform {
  db: Db
  ledger: LedgerNamespace<'audit'>
  metrics: Metrics | null
}

const Settings = z.object({
  DATABASE_URL: z.string().min(1),
  /** Where a local stack serves Neon's protocol; absent in the cloud. */
  NEON_ENDPOINT: z.url().optional(),
})

let platform: (Platform & AuditPlatform) | undefined

/** Reads the bindings, once per isolate; throws naming the binding that is missing or wrong, and never its value. */
export function readPlatform(env: UsageEnv): Platform & AuditPlatform {
  if (platform) return platform
  const settings = Settings.safeParse(env)
  const wrong = settings.success ? [] : settings.error.issues.map((issue) => issue.path.join('.'))
  assert(settings.success, `bindings missing or wrong: ${wrong.join(', ')}`)
  assert(env.LEDGER, 'bindings missing or wrong: LEDGER')
  assert(env.WEBHOOK_QUEUE, 'bindings missing or wrong: WEBHOOK_QUEUE')
  const db = openDb({ databaseUrl: settings.data.DATABASE_URL, endpoint: settings.data.NEON_ENDPOINT })
  platform = { db, ledger: env.LEDGER, webhooks: env.WEBHOOK_QUEUE, metrics: env.METRICS ?? null }
  return platform
}
