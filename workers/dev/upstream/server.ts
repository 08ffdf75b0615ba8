import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { anthropicDialect } from './anthropic/routes.ts'
import { cliproxyDialect } from './cliproxy/routes.ts'
import type { Dialect } from './dialect.ts'
import { Exchange } from './exchange.ts'
import { geminiDialect } from './gemini/routes.ts'
import { GroundTruth, type ModelSummary, type RecordFilter, type TruthRecord } from './ground-truth.ts'
import { findKeyLeaks, findLeaks } from './leaks.ts'
import { openAiDialect } from './openai/routes.ts'
import { redirectedDialect, redirectingDialect } from './redirects.ts'
import { answerTruth } from './truth-routes.ts'

export type UpstreamOptions = {
  /** 0 picks a free port. */
  port: number
  host?: string
  /** The platform's key; SCRIPTED_UPSTREAM_KEY or `sk-scripted-upstream` when absent. */
  key?: string
}

export type Upstream = {
  /** Origin without a slash at the end, such as `http://127.0.0.1:4010`. */
  url: string
  /** Cuts what is open and stops listening. */
  close(): Promise<void>
  records(filter?: RecordFilter): TruthRecord[]
  summary(): { running: number; requests: number; models: Record<string, ModelSummary> }
  clear(): void
}

export type { RecordFilter, TruthRecord } from './ground-truth.ts'

/** Some other provider that speaks as OpenAI does; the platform has no account there. */
const compatibleDialect: Dialect = { ...openAiDialect, prefix: '/compatible', keysOf: 'customer' }
const dialects: readonly Dialect[] = [
  openAiDialect,
  anthropicDialect,
  geminiDialect,
  cliproxyDialect,
  compatibleDialect,
  redirectingDialect,
  redirectedDialect,
]
const keepAliveMs = 10 * 60 * 1_000
// A benchmark opens its connections all at once.
const backlog = 4_096

export async function startUpstream(options: UpstreamOptions): Promise<Upstream> {
  const key = options.key ?? process.env.SCRIPTED_UPSTREAM_KEY ?? 'sk-scripted-upstream'
  const host = options.host ?? '127.0.0.1'
  const truth = new GroundTruth()
  const server = createServer({ keepAliveTimeout: keepAliveMs, noDelay: true }, (request, response) =>
    answerRequest(request, response, truth, key),
  )
  // Scripted silences last longer than node's usual patience.
  server.requestTimeout = 0
  const port = await listen(server, options.port, host)
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () => closeServer(server),
    records: (filter) => truth.records(filter),
    summary: () => truth.summary(),
    clear: () => truth.clear(),
  }
}

function answerRequest(request: IncomingMessage, response: ServerResponse, truth: GroundTruth, key: string): void {
  const url = request.url ?? ''
  if (url.startsWith('/_truth/')) {
    answerTruth(request, response, truth)
    return
  }
  const path = url.split('?', 1)[0] ?? ''
  const dialect = dialects.find(({ prefix }) => path.startsWith(`${prefix}/`))
  const presented = truth.customerKeys.identify(request.headers, key)
  const leaks = [...findLeaks(url, request.rawHeaders, dialect), ...(dialect ? findKeyLeaks(presented, dialect) : [])]
  const exchange = new Exchange(request, response, truth, presented, leaks)
  if (!dialect) exchange.answer(404, ['content-type', 'text/plain'], 'No provider lives at this path.\n')
  else if (leaks.length > 0) dialect.refuseLeaks(exchange, leaks)
  else dialect.answer(exchange, path.slice(dialect.prefix.length), key).catch((error: unknown) => reportDefect(exchange, dialect, error))
}

/** A defect of this server, which must not pass for a scripted failure. */
function reportDefect(exchange: Exchange, dialect: Dialect, error: unknown): void {
  console.error('scripted upstream failed:', error)
  if (exchange.response.headersSent) exchange.cut()
  else dialect.reportFault(exchange)
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, backlog }, resolve)
  })
  const address = server.address()
  return typeof address === 'object' && address ? address.port : port
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
}
