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
  // Transactions rely on it: the statement after a lock must see what the lock waited for.
  return drizzle({ client: neon(settings.databaseUrl, { isolationLevel: 'ReadCommitted' }) })
}
