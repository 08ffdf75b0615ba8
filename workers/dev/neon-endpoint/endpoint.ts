import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import pg from 'pg'
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws'
import { readJson, sendJson } from '../json-http.ts'
import { localHost } from '../ports.ts'
import { parseRequest, readBatchOptions, readRowShape } from './request.ts'
import { runBatch, runStatement } from './statements.ts'

/** Connections of one database URL; bounded so that HTTP leaves room under max_connections for WebSocket sessions. */
const poolSize = 30

/**
 * Speaks Neon's serverless protocol in front of a plain Postgres: `POST /sql` and WebSocket `/v2`.
 * The caller starts and closes the server. Whatever host a connection string names, the local Postgres is meant.
 */
export function createNeonEndpoint(postgresPort: number, report: (line: string) => void = console.log): Server {
  const pools = new Map<string, pg.Pool>()
  const server = createServer((request, response) => {
    answer(request, response, (url) => findPool(pools, url, postgresPort, report)).catch((error: unknown) => sendFailure(response, error))
  })
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.split('?')[0] !== '/v2') return socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
    return sockets.handleUpgrade(request, socket, head, (client) => pipeToPostgres(client, postgresPort))
  })
  server.on('close', () => {
    for (const pool of pools.values()) pool.end().catch(() => undefined) // Nobody is left to hear of it.
  })
  return server
}

async function answer(request: IncomingMessage, response: ServerResponse, poolFor: (url: URL) => pg.Pool): Promise<void> {
  if (request.method !== 'POST' || request.url?.split('?')[0] !== '/sql') return sendJson(response, 404, { message: 'not found' })
  const target = readConnectionString(request.headers['neon-connection-string'])
  if (!target) return sendJson(response, 400, { message: 'missing or invalid header Neon-Connection-String', code: null })
  const wanted = parseRequest(await readJson(request))
  if (!wanted) return sendJson(response, 400, { message: 'expected {query, params} or {queries: [...]}', code: null })
  const shape = readRowShape(request.headers)
  if ('query' in wanted) return sendJson(response, 200, await runStatement(poolFor(target), wanted, shape))
  const results = await runBatch(poolFor(target), wanted.queries, readBatchOptions(request.headers), shape)
  return sendJson(response, 200, { results })
}

function readConnectionString(header: string | string[] | undefined): URL | undefined {
  if (typeof header !== 'string' || !URL.canParse(header)) return undefined
  const url = new URL(header)
  const isPostgres = url.protocol === 'postgres:' || url.protocol === 'postgresql:'
  return isPostgres && url.username !== '' && url.pathname.length > 1 ? url : undefined
}

/** One pool for each user, password and database, so that Postgres itself judges the credentials. */
function findPool(pools: Map<string, pg.Pool>, url: URL, postgresPort: number, report: (line: string) => void): pg.Pool {
  const key = [url.username, url.password, url.pathname].join(' ')
  const known = pools.get(key)
  if (known) return known
  const pool = new pg.Pool({
    host: localHost,
    port: postgresPort,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    max: poolSize,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
  })
  pool.on('error', (error) => report(`idle connection lost: ${error.message}`))
  // One lost within a batch fails its query; the event beside that would end this process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  pools.set(key, pool)
  return pool
}

/** What Postgres refuses is 400 with its own fields; a Postgres that cannot be reached is 500, as with Neon. */
function sendFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy()
  else if (error instanceof pg.DatabaseError) sendJson(response, 400, describeError(error))
  else sendJson(response, 500, { message: `cannot reach Postgres: ${error}`, code: null })
}

function describeError(error: pg.DatabaseError): Record<string, unknown> {
  const { message, code, severity, detail, hint, position, internalPosition, internalQuery, where } = error
  const { schema, table, column, dataType, constraint, file, line, routine } = error
  const place = { schema, table, column, dataType, constraint, file, line, routine }
  return { message, code, severity, detail, hint, position, internalPosition, internalQuery, where, ...place }
}

function pipeToPostgres(client: WebSocket, postgresPort: number): void {
  const postgres = connect({ port: postgresPort, host: localHost, noDelay: true })
  const frames = createWebSocketStream(client)
  // One side ending, in order or not, ends the other: the driver reports a lost connection itself.
  frames.on('error', () => postgres.destroy())
  frames.on('close', () => postgres.destroy())
  postgres.on('error', () => client.terminate())
  postgres.on('close', () => client.close())
  frames.pipe(postgres).pipe(frames)
}
