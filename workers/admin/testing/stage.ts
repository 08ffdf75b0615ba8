import { createServer, type Server } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type { WebhookNudge } from '#shared/contracts/events/webhook-nudge.ts'
import type { StandingOutcome } from '#shared/contracts/ledger.ts'
import { assert } from '#shared/values/assert.ts'
import { createNeonEndpoint } from '#workers/dev/neon-endpoint/endpoint.ts'
import type { LedgerNamespace } from '#workers/services/ledger/namespace.ts'
import { adminApp } from '../app.ts'
import type { AdminEnv } from '../env.ts'

/** An undefined claim is left out of the token. */
type Claims = { [Name in 'iss' | 'email' | 'common_name']?: string | undefined } & { aud?: string[]; exp?: number | undefined }

export const audience = 'audience-of-the-test'

/** Stands in for the ledger's objects: remembers what was pushed, and fails or hangs when told to. */
export interface LedgerStub {
  pushed: AccountSnapshot[]
  broken: boolean
  standing: StandingOutcome
}

export interface Stage {
  database: TestDatabase
  env: AdminEnv
  ledger: LedgerStub
  /** What was put into the queue `webhooks`. */
  nudges: WebhookNudge[]
  teamUrl: string
  /** A token as Access signs it; the claims replace those of a service token. */
  sign(claims?: Claims): Promise<string>
  /** A token of somebody else's key, under the same key id. */
  forge(): Promise<string>
  call(method: string, path: string, body?: unknown): Promise<{ status: number; headers: Headers; json: unknown }>
  request(path: string, init: RequestInit): Promise<Response>
  stop(): Promise<void>
}

/** The admin Worker's app over a real Postgres, through Neon's protocol, with Access played by a key of the test's own; `more` is bound besides. */
export async function setStage(more: Partial<AdminEnv> = {}): Promise<Stage> {
  const database = await startTestDatabase()
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'RS256', use: 'sig' }
  const certs = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] })))
  const neon = createNeonEndpoint(Number(new URL(database.databaseUrl).port))
  const teamUrl = await listen(certs)
  const ledger: LedgerStub = { pushed: [], broken: false, standing: { outcome: 'snapshot_required' } }
  const nudges: WebhookNudge[] = []
  const env = {
    DATABASE_URL: database.databaseUrl,
    NEON_ENDPOINT: await listen(neon),
    ACCESS_TEAM_URL: teamUrl,
    ACCESS_AUDIENCE: audience,
    LEDGER: namespaceOf(ledger),
    WEBHOOK_QUEUE: { send: async (message: WebhookNudge) => nudges.push(message) },
    ...more,
  }
  const sign = (claims: Claims = {}) => signed({ iss: teamUrl, ...claims }, privateKey)
  const request = async (path: string, init: RequestInit) => adminApp.request(path, init, env)
  return {
    database,
    env,
    ledger,
    nudges,
    teamUrl,
    sign,
    forge: async () => signed({ iss: teamUrl }, (await generateKeyPair('RS256')).privateKey),
    request,
    call: async (method, path, body) => {
      const headers = { 'cf-access-jwt-assertion': await sign(), ...(body !== undefined && { 'content-type': 'application/json' }) }
      const answer = await request(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
      return { status: answer.status, headers: answer.headers, json: await answer.json() }
    },
    stop: async () => {
      certs.close()
      neon.close()
      neon.closeAllConnections()
      await database.stop()
    },
  }
}

function namespaceOf(stub: LedgerStub): LedgerNamespace {
  const fail = () => Promise.reject(new Error('the ledger Worker is away'))
  return {
    getByName: () => ({
      refresh: async ({ snapshot }) => (stub.broken ? fail() : void stub.pushed.push(snapshot)),
      standing: async () => (stub.broken ? fail() : stub.standing),
    }),
  }
}

function signed(claims: Claims, key: CryptoKey): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const payload = {
    type: 'app',
    aud: [audience],
    common_name: 'operator.access',
    sub: '',
    iat: nowSeconds,
    exp: nowSeconds + 60,
    ...claims,
  }
  return new SignJWT(JSON.parse(JSON.stringify(payload))).setProtectedHeader({ alg: 'RS256', kid: 'test' }).sign(key)
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert(typeof address === 'object' && address !== null, 'a listening server has an address')
  return `http://127.0.0.1:${address.port}`
}
