import { neon, neonConfig } from '@neondatabase/serverless'
import { drizzle } from 'drizzle-orm/neon-http'
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

/** A database for one isolate: stateless, so it may be kept and shared by requests. The endpoint holds for the whole isolate. */
export function openDb(settings: DbSettings): Db {
  if (settings.endpoint !== undefined) {
    const endpoint = new URL(settings.endpoint)
    neonConfig.fetchEndpoint = new URL('/sql', endpoint).href
    neonConfig.wsProxy = () => `${endpoint.host}/v2`
    neonConfig.useSecureWebSocket = endpoint.protocol === 'https:'
    neonConfig.pipelineConnect = false
  }
  const { timeoutMs } = settings
  if (timeoutMs !== undefined) {
    neonConfig.fetchFunction = (url: string, init: RequestInit) => fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) })
  }
  // Transactions rely on it: the statement after a lock must see what the lock waited for.
  return drizzle({ client: neon(settings.databaseUrl, { isolationLevel: 'ReadCommitted' }) })
}
