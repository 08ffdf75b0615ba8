import { z } from 'zod'
import { type Db, openDb, openTransact, type Transact } from '#db/client.ts'
import { assert } from '#shared/values/assert.ts'
import type { KeyRing } from '#workers/services/secrets/key-ring.ts'
import { KekSettings, keyRingWhenAsked } from '#workers/services/secrets/settings.ts'
import { type TargetAccess, TargetSettings, targetAccessOf } from '#workers/services/targets/settings.ts'

/** What is bound to this Worker. Only this file reads it; all else gets `Surroundings`. */
export interface WebhooksEnv extends KekSettings, z.input<typeof TargetSettings> {
  DATABASE_URL?: string
  NEON_ENDPOINT?: string
}

const Settings = z.object({
  DATABASE_URL: z.string().min(1),
  /** Where a local stack serves Neon's protocol; absent in the cloud. */
  NEON_ENDPOINT: z.url().optional(),
  ...KekSettings.shape,
  ...TargetSettings.shape,
})

/** All that this Worker takes from its surroundings. */
export interface Surroundings {
  db: Db
  transact: Transact
  /** Throws a `KekMisconfiguration`. */
  keyRing(): KeyRing
  targets: TargetAccess
}

let known: { env: WebhooksEnv; surroundings: Surroundings } | undefined

/** Parses the bindings once an isolate; throws naming what is missing or wrong, and never its value. */
export function surroundingsOf(env: WebhooksEnv): Surroundings {
  if (known?.env === env) return known.surroundings
  const settings = Settings.safeParse(env)
  const wrong = settings.success ? [] : settings.error.issues.map((issue) => issue.path.join('.'))
  assert(settings.success, `bindings missing or wrong: ${wrong.join(', ')}`)
  const { data } = settings
  const database = { databaseUrl: data.DATABASE_URL, endpoint: data.NEON_ENDPOINT }
  const surroundings = {
    db: openDb(database),
    transact: openTransact(database),
    keyRing: keyRingWhenAsked(data),
    targets: targetAccessOf(data),
  }
  known = { env, surroundings }
  return surroundings
}
