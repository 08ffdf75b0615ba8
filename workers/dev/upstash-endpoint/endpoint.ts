import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Redis } from 'ioredis'
import { readJson, sendJson } from '../json-http.ts'
import { localHost } from '../ports.ts'
import { encodeReply } from './replies.ts'
import { ScriptShebangs } from './scripts.ts'

type Command = [name: string, ...parameters: string[]]
type Reply = { result: unknown } | { error: string }

/** They would hold the one connection that all requests share, or turn it into something else. */
const refusedCommands = new Set([
  'subscribe',
  'psubscribe',
  'ssubscribe',
  'monitor',
  'blpop',
  'brpop',
  'blmove',
  'bzpopmin',
  'bzpopmax',
  'wait',
  'multi',
  'exec',
  'watch',
  'select',
  'quit',
])

/** Speaks Upstash's REST protocol in front of a plain Redis. The caller starts and closes the server. */
export function createUpstashEndpoint(options: { redisPort: number; token: string }): Server {
  // RESP 2, because Upstash answers maps as flat lists.
  const redis = new Redis({
    host: localHost,
    port: options.redisPort,
    maxRetriesPerRequest: 0,
    protocol: 2, // As Upstash answers: maps are flat lists.
    retryStrategy: () => 100,
  })
  redis.on('error', (error: Error) => console.log(`redis: ${error.message}`))
  const scripts = new ScriptShebangs()
  const server = createServer((request, response) => {
    const isAllowed = request.headers.authorization === `Bearer ${options.token}`
    if (!isAllowed) return sendJson(response, 401, { error: 'WRONGPASS invalid or missing auth token' })
    answer(redis, scripts, request, response).catch((error: unknown) => sendJson(response, 500, { error: `ERR ${error}` }))
  })
  server.on('close', () => redis.disconnect())
  return server
}

async function answer(redis: Redis, scripts: ScriptShebangs, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split('?')[0]
  if (request.method !== 'POST') return sendJson(response, 405, { error: 'ERR only POST is served here' })
  const body = await readJson(request)
  const encode = (reply: Reply) => ('error' in reply ? reply : { result: encodeReply(reply.result, wantsBase64(request.headers)) })
  if (path === '/') {
    const command = parseCommand(body)
    const reply = command ? await runCommand(redis, scripts.rewrite(command)) : { error: 'ERR failed to parse command' }
    return sendJson(response, 'error' in reply ? 400 : 200, encode(reply))
  }
  if (path !== '/pipeline' && path !== '/multi-exec') return sendJson(response, 404, { error: 'ERR not found' })
  const commands = Array.isArray(body) ? body.map(parseCommand) : [undefined]
  if (!commands.every((command) => command !== undefined)) return sendJson(response, 400, { error: 'ERR failed to parse pipeline request' })
  const rewritten = commands.map((command) => scripts.rewrite(command))
  if (path === '/pipeline')
    return sendJson(response, 200, (await Promise.all(rewritten.map((each) => runCommand(redis, each)))).map(encode))
  const replies = await runTransaction(redis, rewritten)
  return 'error' in replies ? sendJson(response, 400, replies) : sendJson(response, 200, replies.map(encode))
}

/** Commands sent in one turn leave in one write and keep their order, so a pipeline needs no more than this. */
async function runCommand(redis: Redis, [name, ...parameters]: Command): Promise<Reply> {
  if (refusedCommands.has(name.toLowerCase())) return { error: `ERR Command is not available: '${name}'` }
  try {
    return { result: await redis.callBuffer(rawName(name), ...parameters) }
  } catch (error) {
    return { error: errorText(error) }
  }
}

async function runTransaction(redis: Redis, commands: Command[]): Promise<Reply[] | { error: string }> {
  const refused = commands.find(([name]) => refusedCommands.has(name.toLowerCase()))
  if (refused) return { error: `ERR Command is not available: '${refused[0]}'` }
  const transaction = redis.multi()
  for (const [name, ...parameters] of commands) transaction.callBuffer(rawName(name), ...parameters)
  try {
    const replies = (await transaction.exec()) ?? []
    return replies.map(([error, result]) => (error ? { error: errorText(error) } : { result }))
  } catch (error) {
    return { error: errorText(error) }
  }
}

/** ioredis reshapes the replies of commands it knows, by their names in lower case; Redis itself reads either. */
function rawName(name: string): string {
  return name.toUpperCase()
}

function wantsBase64(headers: IncomingHttpHeaders): boolean {
  return headers['upstash-encoding'] === 'base64'
}

function parseCommand(value: unknown): Command | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const words = value.map((word: unknown) => (typeof word === 'object' && word !== null ? JSON.stringify(word) : String(word)))
  const [name, ...parameters] = words
  return name ? [name, ...parameters] : undefined
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
