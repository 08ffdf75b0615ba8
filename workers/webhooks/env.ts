import { z } from 'zod'
import { type Db, openDb, openTransact, type Transact } from '#db/client.ts'
import type { WebhookNudge } from '#shared/contracts/events/webhook-nudge.ts'
import { assert } from '#shared/values/assert.ts'
import type { KeyRing } from '#workers/services/secrets/key-ring.ts'
import { OpenedSecrets } from '#workers/services/secrets/opened-secrets.ts'
import { KekSettings, keyRingWhenAsked } from '#workers/services/secrets/settings.ts'
import { type TargetAccess, TargetSettings, targetAccessOf } from '#workers/services/targets/settings.ts'

/** The producer of the queue `webhooks`, which this Worker consumes as well: what is due in some seconds it tells itself then. */
export interface NudgeQueue {
  send(message: WebhookNudge, options?: { delaySeconds?: number }): Promise<unknown>
}

/** This Worker's own entrypoint `Deliverer`, each call of which is an invocation of its own. */
export interface DelivererBinding {
  /** Begins to deliver what is due for an endpoint; resolves before anything is delivered. */
  begin(given: { endpointId: string }): Promise<void>
}

/** What is bound to this Worker. Only this file reads it; all else gets `Surroundings`. */
export interface WebhooksEnv extends KekSettings, z.input<typeof TargetSettings> {
  DATABASE_URL?: string
  NEON_ENDPOINT?: string
  WEBHOOK_QUEUE?: NudgeQueue
  DELIVERER?: DelivererBinding
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
  opened: OpenedSecrets
  targets: TargetAccess
  queue: NudgeQueue
  deliverer: DelivererBinding
}

let surroundings: Surroundings | undefined

/** Parses the bindings once an isolate; throws naming what is missing or wrong, and never its value. */
export function surroundingsOf(env: WebhooksEnv): Surroundings {
  if (surroundings) return surroundings
  const settings = Settings.safeParse(env)
  const wrong = settings.success ? [] : settings.error.issues.map((issue) => issue.path.join('.'))
  assert(settings.success, `bindings missing or wrong: ${wrong.join(', ')}`)
  assert(env.WEBHOOK_QUEUE, 'bindings missing or wrong: WEBHOOK_QUEUE')
  assert(env.DELIVERER, 'bindings missing or wrong: DELIVERER')
  const { data } = settings
  const database = { databaseUrl: data.DATABASE_URL, endpoint: data.NEON_ENDPOINT }
  surroundings = {
    db: openDb(database),
    transact: openTransact(database),
    keyRing: keyRingWhenAsked(data),
    opened: new OpenedSecrets(),
    targets: targetAccessOf(data),
    queue: env.WEBHOOK_QUEUE,
    deliverer: env.DELIVERER,
  }
  return surroundings
}
