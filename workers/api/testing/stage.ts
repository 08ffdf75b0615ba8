import type { Server } from 'node:http'
import type { Db } from '#db/client.ts'
import { createOrganization } from '#db/queries/create-organization.ts'
import { memberships, sessions, users } from '#db/schema/index.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import type { Role } from '#shared/access/roles.ts'
import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type { WebhookNudge } from '#shared/contracts/events/webhook-nudge.ts'
import type { MailMessage } from '#shared/contracts/mail-message.ts'
import type { PaymentMessage } from '#shared/contracts/payment-message.ts'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
import { createNeonEndpoint } from '#workers/dev/neon-endpoint/endpoint.ts'
import { startThrowawayRedis } from '#workers/dev/testing/throwaway-redis.ts'
import { createUpstashEndpoint } from '#workers/dev/upstash-endpoint/endpoint.ts'
import type { LedgerNamespace } from '#workers/services/ledger/namespace.ts'
import { apiApp } from '../app.ts'
import { signAccessToken } from '../caller/access-token.ts'
import { type ApiEnv, type Surroundings, surroundingsOf } from '../env.ts'

export const portalUrl = 'https://portal.test'

/** Stands in for the ledger's objects: remembers what was pushed, and fails when told to. */
export interface LedgerStub {
  pushed: AccountSnapshot[]
  broken: boolean
  /** What every object says of its customer's money; null: none answers. */
  standing: { availableNanos: number; heldNanos: number; unconfirmedNanos: number } | null
}

export interface Answer {
  status: number
  headers: Headers
  /** Undefined when the answer is no JSON. */
  json: unknown
  text: string
}

export interface Asking {
  /** Header `Cookie`, such as a person's; or a management key. */
  cookie?: string | undefined
  bearer?: string
  body?: unknown
  headers?: Record<string, string>
}

/** Somebody who is signed in, as a browser in the portal has them. */
export interface TestPerson {
  userId: string
  sessionId: string
  email: string
  cookie: string
}

export interface Stage {
  database: TestDatabase
  db: Db
  env: ApiEnv
  surroundings: Surroundings
  ledger: LedgerStub
  /** What was put into the queue `mail`. */
  mails: MailMessage[]
  /** What was put into the queues `payments` and `webhooks`. */
  payments: PaymentMessage[]
  nudges: WebhookNudge[]
  redisUrl: string
  /** One request to the Worker's app; with a cookie it comes from the portal, unless `headers` say otherwise. */
  call(method: string, path: string, asking?: Asking): Promise<Answer>
  /** A person with a session, without any request: only for tests that are not about signing in. */
  person(options?: { secondFactor?: boolean; authenticatedAtMs?: number }): Promise<TestPerson>
  /** An organization of its own for a test, with these members. */
  organization(members: [TestPerson, Role][]): Promise<string>
  stop(): Promise<void>
}

/** The api Worker's app over a real Postgres and a real Redis, through the protocols of Neon and Upstash; `more` is bound besides. */
export async function setStage(more: Partial<ApiEnv> = {}): Promise<Stage> {
  const [database, redis] = await Promise.all([startTestDatabase(), startThrowawayRedis()])
  const token = 'token-of-the-test'
  const neon = createNeonEndpoint(Number(new URL(database.databaseUrl).port))
  const upstash = createUpstashEndpoint({ redisPort: Number(new URL(redis.url).port), token })
  const ledger: LedgerStub = { pushed: [], broken: false, standing: null }
  const mails: MailMessage[] = []
  const payments: PaymentMessage[] = []
  const nudges: WebhookNudge[] = []
  const env: ApiEnv = {
    DATABASE_URL: database.databaseUrl,
    NEON_ENDPOINT: await listen(neon),
    UPSTASH_REDIS_REST_URL: await listen(upstash),
    UPSTASH_REDIS_REST_TOKEN: token,
    PORTAL_URL: portalUrl,
    KMS_PROVIDER: 'local',
    LOCAL_KEKS: JSON.stringify({ test: Buffer.alloc(32, 7).toString('base64') }),
    LEDGER: namespaceOf(ledger),
    MAIL_QUEUE: { send: async (message) => mails.push(message) },
    PAYMENT_QUEUE: { send: async (message) => payments.push(message) },
    WEBHOOK_QUEUE: { send: async (message) => nudges.push(message) },
    ...more,
  }
  const surroundings = surroundingsOf(env)
  const { db } = database
  return {
    database,
    db,
    env,
    surroundings,
    ledger,
    mails,
    payments,
    nudges,
    redisUrl: redis.url,
    call: (method, path, asking = {}) => call(env, method, path, asking),
    person: (options = {}) => newPerson(db, surroundings, options),
    organization: (members) => newOrganization(db, members),
    stop: async () => {
      for (const server of [neon, upstash]) {
        server.close()
        server.closeAllConnections()
      }
      await Promise.all([database.stop(), redis.end()])
    },
  }
}

async function call(env: ApiEnv, method: string, path: string, { cookie, bearer, body, headers }: Asking): Promise<Answer> {
  const sent = {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(cookie !== undefined && { cookie, origin: portalUrl }),
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    ...headers,
  }
  const init = { method, headers: sent, ...(body !== undefined && { body: isRaw(body) ? body : JSON.stringify(body) }) }
  const answer = await apiApp.request(path, init, env)
  const text = await answer.text()
  const isJson = /[/+]json/.test(answer.headers.get('content-type') ?? '')
  return { status: answer.status, headers: answer.headers, json: isJson ? JSON.parse(text) : undefined, text }
}

/** Sent as it is, so that a test can send what is no JSON. */
function isRaw(body: unknown): body is string | Uint8Array<ArrayBuffer> {
  return typeof body === 'string' || body instanceof Uint8Array
}

async function newPerson(
  db: Db,
  surroundings: Surroundings,
  { secondFactor = false, authenticatedAtMs = Date.now() }: { secondFactor?: boolean; authenticatedAtMs?: number },
): Promise<TestPerson> {
  const [userId, sessionId] = [newId('usr'), newId('ses')]
  const email = `${userId}@example.com`
  await db.insert(users).values({ id: userId, email, name: 'Test', emailVerifiedAt: new Date() })
  const authenticatedAt = new Date(authenticatedAtMs)
  const expiresAt = new Date(Date.now() + 86_400_000)
  const seen = { ip: '203.0.113.7', userAgent: 'test', authenticatedAt, expiresAt }
  await db.insert(sessions).values({ id: sessionId, userId, method: 'password', secondFactor, ...seen })
  const cookie = `__Host-relay_access=${await signAccessToken(surroundings, sessionId)}`
  return { userId, sessionId, email, cookie }
}

async function newOrganization(db: Db, members: [TestPerson, Role][]): Promise<string> {
  const organizationId = newId('org')
  await createOrganization(db, { organizationId, name: 'Test' })
  const rows = members.map(([{ userId }, role]) => ({ organizationId, userId, role }))
  if (rows.length > 0) await db.insert(memberships).values(rows)
  return organizationId
}

function namespaceOf(stub: LedgerStub): LedgerNamespace {
  const fail = () => Promise.reject(new Error('the ledger Worker is away'))
  return {
    getByName: () => ({
      refresh: async ({ snapshot }) => (stub.broken ? fail() : void stub.pushed.push(snapshot)),
      standing: async () => (stub.standing ? standingOf(stub.standing) : fail()),
    }),
  }
}

function standingOf({ availableNanos, ...money }: NonNullable<LedgerStub['standing']>) {
  const unlimited = { requestsPerMinute: null, tokensPerMinute: null, requestsPerDay: null, concurrency: null }
  return { outcome: 'known', standing: { availableNanos, ...unlimited, spendPerDay: null, spendPerMonth: null }, ...money } as const
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert(typeof address === 'object' && address !== null, 'a listening server has an address')
  return `http://127.0.0.1:${address.port}`
}
