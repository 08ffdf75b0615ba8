import { z } from 'zod'
import { type Db, openDb, openTransact, type Transact } from '#db/client.ts'
import type { WebhookNudge } from '#shared/contracts/events/webhook-nudge.ts'
import type { MailMessage } from '#shared/contracts/mail-message.ts'
import type { PaymentMessage } from '#shared/contracts/payment-message.ts'
import { assert } from '#shared/values/assert.ts'
import type { LedgerNamespace } from '#workers/services/ledger/namespace.ts'
import { handingOver } from '#workers/services/outbox/handing-over.ts'
import type { KeyRing } from '#workers/services/secrets/key-ring.ts'
import { KekSettings, keyRingWhenAsked } from '#workers/services/secrets/settings.ts'
import { type TargetAccess, TargetSettings, targetAccessOf } from '#workers/services/targets/settings.ts'
import type { Caller, Scope } from './caller/caller.ts'

/** A producer of a queue, as far as this Worker uses it. */
export interface QueueProducer<Message> {
  send(message: Message, options?: { delaySeconds?: number }): Promise<unknown>
}

/** What is bound to this Worker. Only this file reads it; all else gets `Surroundings`. */
export interface ApiEnv extends KekSettings, z.input<typeof TargetSettings> {
  DATABASE_URL?: string
  NEON_ENDPOINT?: string
  UPSTASH_REDIS_REST_URL?: string
  UPSTASH_REDIS_REST_TOKEN?: string
  PORTAL_URL?: string
  GITHUB_CLIENT_ID?: string
  GITHUB_CLIENT_SECRET?: string
  GITHUB_URL?: string
  GITHUB_API_URL?: string
  GOOGLE_CLIENT_ID?: string
  GOOGLE_CLIENT_SECRET?: string
  GOOGLE_URL?: string
  STRIPE_URL?: string
  LEDGER?: LedgerNamespace
  MAIL_QUEUE?: QueueProducer<MailMessage>
  PAYMENT_QUEUE?: QueueProducer<PaymentMessage>
  WEBHOOK_QUEUE?: QueueProducer<WebhookNudge>
}

const Settings = z.object({
  DATABASE_URL: z.string().min(1),
  /** Where a local stack serves Neon's protocol; absent in the cloud. */
  NEON_ENDPOINT: z.url().optional(),
  UPSTASH_REDIS_REST_URL: z.url(),
  UPSTASH_REDIS_REST_TOKEN: z.string().min(1),
  /** Origin of the portal: links in mails lead there, passkeys belong to its host, and browsers may send changes from it alone. */
  PORTAL_URL: z.url().refine((text) => URL.parse(text)?.origin === text, 'must be an origin, without a slash at its end'),
  GITHUB_CLIENT_ID: z.string().min(1).optional(),
  GITHUB_CLIENT_SECRET: z.string().min(1).optional(),
  /** Another GitHub than github.com, and its API: a GitHub Enterprise, or a stand-in. */
  GITHUB_URL: z.url().default('https://github.com'),
  GITHUB_API_URL: z.url().default('https://api.github.com'),
  GOOGLE_CLIENT_ID: z.string().min(1).optional(),
  GOOGLE_CLIENT_SECRET: z.string().min(1).optional(),
  /** Issuer of Google's OpenID Connect, whose discovery document names the rest. */
  GOOGLE_URL: z.url().default('https://accounts.google.com'),
  /** Another Stripe than the real one: a stand-in. */
  STRIPE_URL: z.url().default('https://api.stripe.com'),
  ...KekSettings.shape,
  ...TargetSettings.shape,
})

/** An application at GitHub or Google by which people sign in here. */
export interface OauthApplication {
  clientId: string
  clientSecret: string
}

/** All that this Worker takes from its surroundings. */
export interface Surroundings {
  db: Db
  /** After its commit its mails are handed over, and the webhooks Worker hears of its events. */
  transact: Transact
  redis: { url: string; token: string }
  ledger: LedgerNamespace
  mail: QueueProducer<MailMessage>
  payments: QueueProducer<PaymentMessage>
  webhooks: QueueProducer<WebhookNudge>
  stripeUrl: string
  portalUrl: string
  github: (OauthApplication & { url: string; apiUrl: string }) | null
  google: (OauthApplication & { url: string }) | null
  /** Throws a `KekMisconfiguration`: what needs no secret goes on without. */
  keyRing(): KeyRing
  targets: TargetAccess
}

export interface ApiContext {
  Bindings: ApiEnv
  Variables: { requestId: string; surroundings: Surroundings; caller: Caller | null; scope: Scope | null }
}

let known: { env: ApiEnv; surroundings: Surroundings } | undefined

/** Parses the bindings once an isolate; throws naming what is missing or wrong, and never its value. */
export function surroundingsOf(env: ApiEnv): Surroundings {
  if (known?.env === env) return known.surroundings
  const settings = Settings.safeParse(env)
  const wrong = settings.success ? [] : settings.error.issues.map((issue) => issue.path.join('.'))
  assert(settings.success, `bindings missing or wrong: ${wrong.join(', ')}`)
  assert(env.LEDGER, 'bindings missing or wrong: LEDGER')
  assert(env.MAIL_QUEUE, 'bindings missing or wrong: MAIL_QUEUE')
  assert(env.PAYMENT_QUEUE, 'bindings missing or wrong: PAYMENT_QUEUE')
  assert(env.WEBHOOK_QUEUE, 'bindings missing or wrong: WEBHOOK_QUEUE')
  const { data } = settings
  const database = { databaseUrl: data.DATABASE_URL, endpoint: data.NEON_ENDPOINT }
  const db = openDb(database)
  const queues = { webhooks: env.WEBHOOK_QUEUE, mail: env.MAIL_QUEUE, payments: env.PAYMENT_QUEUE }
  const github = applicationOf(data.GITHUB_CLIENT_ID, data.GITHUB_CLIENT_SECRET)
  const google = applicationOf(data.GOOGLE_CLIENT_ID, data.GOOGLE_CLIENT_SECRET)
  const surroundings: Surroundings = {
    db,
    transact: handingOver(openTransact(database), { db, ...queues }),
    ...queues,
    redis: { url: data.UPSTASH_REDIS_REST_URL, token: data.UPSTASH_REDIS_REST_TOKEN },
    ledger: env.LEDGER,
    stripeUrl: data.STRIPE_URL,
    portalUrl: data.PORTAL_URL,
    github: github && { ...github, url: data.GITHUB_URL, apiUrl: data.GITHUB_API_URL },
    google: google && { ...google, url: data.GOOGLE_URL },
    keyRing: keyRingWhenAsked(data),
    targets: targetAccessOf(data),
  }
  known = { env, surroundings }
  return surroundings
}

function applicationOf(clientId: string | undefined, clientSecret: string | undefined): OauthApplication | null {
  return clientId !== undefined && clientSecret !== undefined ? { clientId, clientSecret } : null
}
