import { z } from 'zod'
import { type Db, openDb } from '#db/client.ts'
import type { CustomerLedgerRpc } from '#shared/contracts/ledger.ts'
import type { KeyRing } from '#workers/services/secrets/key-ring.ts'
import { KekSettings, keyRingWhenAsked } from '#workers/services/secrets/settings.ts'
import { type TargetAccess, TargetSettings, targetAccessOf } from '#workers/services/targets/settings.ts'
import { databaseTimeoutMs } from './limits.ts'

const Settings = z.object({
  DATABASE_URL: z.string().min(1),
  NEON_ENDPOINT: z.url().optional(),
  UPSTASH_REDIS_REST_URL: z.url(),
  UPSTASH_REDIS_REST_TOKEN: z.string().min(1),
  /** JSON object: name of a credential -> the key an upstream takes. */
  UPSTREAM_CREDENTIALS: z.string().transform((text) => z.record(z.string(), z.string().min(1)).parse(JSON.parse(text))),
  ...KekSettings.shape,
  ...TargetSettings.shape,
})

export interface Env {
  LEDGER: DurableObjectNamespace
}

/** All that the proxy takes from its surroundings. */
export interface Surroundings {
  db: Db
  redis: { url: string; token: string }
  credentials: ReadonlyMap<string, string>
  /** What opens the keys that customers bring along; throws where the settings of it are wrong. */
  keyRing: () => KeyRing
  targets: TargetAccess
  ledgerOf(organizationId: string): CustomerLedgerRpc
}

let known: { env: Env; surroundings: Surroundings } | undefined

/** Parses the bindings once an isolate; throws when one is missing or malformed, naming it and not its value. */
export function surroundingsOf(env: Env): Surroundings {
  if (known?.env === env) return known.surroundings
  const settings = Settings.parse(env)
  const surroundings: Surroundings = {
    db: openDb({ databaseUrl: settings.DATABASE_URL, endpoint: settings.NEON_ENDPOINT, timeoutMs: databaseTimeoutMs }),
    redis: { url: settings.UPSTASH_REDIS_REST_URL, token: settings.UPSTASH_REDIS_REST_TOKEN },
    credentials: new Map(Object.entries(settings.UPSTREAM_CREDENTIALS)),
    keyRing: keyRingWhenAsked(settings),
    targets: targetAccessOf(settings),
    ledgerOf: (organizationId) => ledgerStub(env, organizationId),
  }
  known = { env, surroundings }
  return surroundings
}

/** The object behind this name is a `CustomerLedger`: wrangler.toml binds LEDGER to that class of the ledger Worker. */
function ledgerStub(env: Env, organizationId: string): CustomerLedgerRpc {
  return env.LEDGER.getByName(organizationId) as unknown as CustomerLedgerRpc
}
