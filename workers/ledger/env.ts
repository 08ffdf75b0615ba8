import { z } from 'zod'

const milliseconds = (least: number, most: number, usual: number) => z.coerce.number().int().min(least).max(most).default(usual)

/** What a platform may choose; every default is what the figures of STORAGE.md speak of. */
const Settings = z.object({
  /** A hold not renewed for this long belongs to nobody and is settled from its last report. */
  LEASE_MS: milliseconds(1_000, 3_600_000, 60_000),
  /** Settlements and new holds wait this long for company, so that one commit makes many of them durable. */
  FLUSH_MS: milliseconds(1, 1_000, 50),
  /** An event not confirmed for this long is sent again; Postgres drops what it has seen. */
  RESEND_AFTER_MS: milliseconds(1_000, 3_600_000, 60_000),
  /** An account read longer ago than this is used no more: how long a customer is served without Postgres. */
  WITHOUT_POSTGRES_MS: milliseconds(60_000, 86_400_000, 600_000),
  /** The most nano-dollars a customer may hold and have spent outside Postgres once its account is no longer fresh. */
  WITHOUT_POSTGRES_NANOS: z.coerce.number().int().min(0).max(4_500_000_000_000_000).default(100_000_000_000),
})

export interface Env extends Partial<Record<keyof z.infer<typeof Settings>, string>> {
  LEDGER: DurableObjectNamespace
  USAGE_QUEUE: Queue<Uint8Array>
}

export interface Settings {
  usageQueue: Queue<Uint8Array>
  leaseMs: number
  flushMs: number
  resendAfterMs: number
  withoutPostgresMs: number
  withoutPostgresNanos: number
}

/** What the ledger reads of its environment; throws at start when a setting is out of range. */
export function readSettings(env: Env): Settings {
  const read = Settings.parse(env)
  return {
    usageQueue: env.USAGE_QUEUE,
    leaseMs: read.LEASE_MS,
    flushMs: read.FLUSH_MS,
    resendAfterMs: read.RESEND_AFTER_MS,
    withoutPostgresMs: read.WITHOUT_POSTGRES_MS,
    withoutPostgresNanos: read.WITHOUT_POSTGRES_NANOS,
  }
}
