import { z } from 'zod'
import { type Db, openDb } from '#db/client.ts'
import { assert } from '#shared/values/assert.ts'
import type { WebhookQueue } from '#workers/services/events/nudge-webhooks.ts'

/** What is bound to this Worker. Only this file reads it; all else gets a `Platform`. */
export interface QualityEnv {
  DATABASE_URL?: string
  NEON_ENDPOINT?: string
  UPSTREAM_CREDENTIALS?: string
  WEBHOOK_QUEUE?: WebhookQueue
}

/** What checking takes. */
export interface Platform {
  db: Db
  /** Name of a credential -> the key an upstream takes. */
  credentials: ReadonlyMap<string, string>
  webhooks: WebhookQueue
}

const Settings = z.object({
  DATABASE_URL: z.string().min(1),
  /** Where a local stack serves Neon's protocol; absent in the cloud. */
  NEON_ENDPOINT: z.url().optional(),
  /** JSON object: name of a credential -> the key an upstream takes. */
  UPSTREAM_CREDENTIALS: z
    .string()
    .transform(parseJson)
    .pipe(z.record(z.string(), z.string().min(1))),
})

let platform: Platform | undefined

/** Reads the bindings, once per isolate; throws naming the binding that is missing or wrong, and never its value. */
export function readPlatform(env: QualityEnv): Platform {
  if (platform) return platform
  const settings = Settings.safeParse(env)
  const wrong = settings.success ? [] : settings.error.issues.map((issue) => String(issue.path[0]))
  assert(settings.success, `bindings missing or wrong: ${wrong.join(', ')}`)
  assert(env.WEBHOOK_QUEUE, 'bindings missing or wrong: WEBHOOK_QUEUE')
  const { DATABASE_URL: databaseUrl, NEON_ENDPOINT: endpoint, UPSTREAM_CREDENTIALS: credentials } = settings.data
  platform = { db: openDb({ databaseUrl, endpoint }), credentials: new Map(Object.entries(credentials)), webhooks: env.WEBHOOK_QUEUE }
  return platform
}

/** The parser's own error would quote the text, which holds keys. */
function parseJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue('not JSON')
    return z.NEVER
  }
}
