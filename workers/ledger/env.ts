import { z } from 'zod'

const Settings = z.object({
  /** A hold not renewed for this long belongs to nobody and is settled from its last report. */
  LEASE_MS: z.coerce.number().int().min(1_000).max(3_600_000).default(60_000),
})

export interface Env {
  LEDGER: DurableObjectNamespace
  USAGE_QUEUE: Queue<string>
  LEASE_MS?: string
}

/** What the ledger reads of its environment; throws at start when a setting is out of range. */
export function readSettings(env: Env): { leaseMs: number; usageQueue: Queue<string> } {
  return { leaseMs: Settings.parse({ LEASE_MS: env.LEASE_MS }).LEASE_MS, usageQueue: env.USAGE_QUEUE }
}
