import { z } from 'zod'
import { type Db, openDb, openTransact, type Transact } from '#db/client.ts'
import { assert } from '#shared/values/assert.ts'
import type { WebhookQueue } from '#workers/services/events/nudge-webhooks.ts'
import type { LedgerNamespace } from '#workers/services/ledger/namespace.ts'
import { handingOver } from '#workers/services/outbox/handing-over.ts'
import type { KeyRing } from '#workers/services/secrets/key-ring.ts'
import { KekSettings, keyRingWhenAsked } from '#workers/services/secrets/settings.ts'
import { type TargetAccess, TargetSettings, targetAccessOf } from '#workers/services/targets/settings.ts'

/** What is bound to this Worker. Only this file reads it; all else gets `Surroundings`. */
export interface AdminEnv extends KekSettings, z.input<typeof TargetSettings> {
  DATABASE_URL?: string
  NEON_ENDPOINT?: string
  LEDGER?: LedgerNamespace
  WEBHOOK_QUEUE?: WebhookQueue
  ACCESS_TEAM_URL?: string
  ACCESS_AUDIENCE?: string
  STRIPE_URL?: string
}

const Settings = z.object({
  DATABASE_URL: z.string().min(1),
  /** Where a local stack serves Neon's protocol; absent in the cloud. */
  NEON_ENDPOINT: z.url().optional(),
  /** Issuer of the tokens, and where their signing keys are; without a slash at its end, as Access writes it into tokens. */
  ACCESS_TEAM_URL: z.url().regex(/[^/]$/, 'must not end with a slash'),
  ACCESS_AUDIENCE: z.string().min(1),
  /** Another Stripe than the real one: a stand-in. */
  STRIPE_URL: z.url().default('https://api.stripe.com'),
  ...KekSettings.shape,
  ...TargetSettings.shape,
})

/** All that this Worker takes from its surroundings. */
export interface Surroundings {
  db: Db
  /** After its commit the webhooks Worker hears of the events in it. */
  transact: Transact
  ledger: LedgerNamespace
  access: { teamUrl: string; audience: string }
  stripeUrl: string
  /** Throws a `KekMisconfiguration`: what needs no secret goes on without. */
  keyRing(): KeyRing
  targets: TargetAccess
}

export interface AdminContext {
  Bindings: AdminEnv
  Variables: { requestId: string; surroundings: Surroundings; actor: string }
}

let known: { env: AdminEnv; surroundings: Surroundings } | undefined

/** Parses the bindings once an isolate; throws naming what is missing or wrong, and never its value. */
export function surroundingsOf(env: AdminEnv): Surroundings {
  if (known?.env === env) return known.surroundings
  const settings = Settings.safeParse(env)
  const wrong = settings.success ? [] : settings.error.issues.map((issue) => issue.path.join('.'))
  assert(settings.success, `bindings missing or wrong: ${wrong.join(', ')}`)
  assert(env.LEDGER, 'bindings missing or wrong: LEDGER')
  assert(env.WEBHOOK_QUEUE, 'bindings missing or wrong: WEBHOOK_QUEUE')
  const database = { databaseUrl: settings.data.DATABASE_URL, endpoint: settings.data.NEON_ENDPOINT }
  const db = openDb(database)
  const surroundings = {
    db,
    transact: handingOver(openTransact(database), { db, webhooks: env.WEBHOOK_QUEUE, mail: null }),
    ledger: env.LEDGER,
    access: { teamUrl: settings.data.ACCESS_TEAM_URL, audience: settings.data.ACCESS_AUDIENCE },
    stripeUrl: settings.data.STRIPE_URL,
    keyRing: keyRingWhenAsked(settings.data),
    targets: targetAccessOf(settings.data),
  }
  known = { env, surroundings }
  return surroundings
}
