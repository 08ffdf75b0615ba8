import { neon, neonConfig, Pool } from '@neondatabase/serverless'
import { drizzle } from 'drizzle-orm/neon-http'
import { drizzle as drizzleSession } from 'drizzle-orm/neon-serverless'
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'

/**
 * What a query needs: Neon over HTTP in Workers, node-postgres in tests and in the operator's tools. Timestamps are read as milliseconds or
 * through drizzle's columns, never as a driver's Date: the drivers differ.
 */
export type Db = PgDatabase<PgQueryResultHKT>

export interface DbSettings {
  databaseUrl: string
  /** Base URL of a stand-in for Neon's HTTP endpoint, such as http://127.0.0.1:8793; absent on Neon itself. */
  endpoint?: string | undefined
  /** Longest wait for one answer; without it a connection that leads nowhere is waited for as long as the platform lets it. */
  timeoutMs?: number
}

/**
 * Runs work in one interactive transaction: all of it is committed when the promise resolves, nothing when it rejects. Each statement sees what was
 * committed before it (READ COMMITTED). The work must not keep `tx`, and calls nothing outside of Postgres.
 */
export type Transact = <Value>(work: (tx: Db) => Promise<Value>) => Promise<Value>

/** Transactions over a WebSocket of their own each: a connection must not outlive the request that opened it. */
export function openTransact(settings: DbSettings): Transact {
  applyEndpoint(settings)
  return async (work) => {
    const pool = new Pool({ connectionString: settings.databaseUrl, max: 1, connectionTimeoutMillis: connectTimeoutMs })
    // A connection lost within a transaction fails its statement; the event beside that would end the isolate.
    pool.on('error', () => undefined)
    try {
      const client = await pool.connect().catch(() => {
        throw new DatabaseUnreachable('no WebSocket to the database could be opened')
      })
      return await drizzleSession({ client })
        .transaction(work, { isolationLevel: 'read committed' })
        .finally(() => client.release())
    } finally {
      await pool.end()
    }
  }
}

/** A transaction that did not begin. What the driver tells of it is an event of a WebSocket and no error, and says nothing more. */
class DatabaseUnreachable extends Error {
  override name = 'DatabaseUnreachable'
}

const connectTimeoutMs = 10_000

/** A database for one isolate: stateless, so it may be kept and shared by requests. The endpoint holds for the whole isolate. */
export function openDb(settings: DbSettings): Db {
  applyEndpoint(settings)
  const { timeoutMs } = settings
  if (timeoutMs !== undefined) {
    neonConfig.fetchFunction = (url: string, init: RequestInit) => fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) })
  }
  // Transactions rely on it: the statement after a lock must see what the lock waited for.
  return drizzle({ client: neon(settings.databaseUrl, { isolationLevel: 'ReadCommitted' }) })
}

function applyEndpoint({ endpoint: text }: DbSettings): void {
  if (text === undefined) return
  const endpoint = new URL(text)
  neonConfig.fetchEndpoint = new URL('/sql', endpoint).href
  neonConfig.wsProxy = () => `${endpoint.host}/v2`
  neonConfig.useSecureWebSocket = endpoint.protocol === 'https:'
  neonConfig.pipelineConnect = false
}
