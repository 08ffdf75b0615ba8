import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { readJson, sendJson } from '../json-http.ts'
import { composeMessage, isQueryType, type QueryType, queryTypes } from './message.ts'
import { fixedNames, type Reply, Script } from './script.ts'

/** The script of a name, and how often it was asked for each type: that counts its way through a sequence. */
type Scripted = { replies: Reply[]; asked: Record<QueryType, number> }

type Query = { name: string; type: QueryType }

/**
 * A resolver for DNS over HTTPS that answers as Cloudflare's does in the JSON form, from scripts. `/control/names/<name>` takes a script (PUT), tells how
 * often a name was asked (GET) and forgets it (DELETE). A name without a script does not exist. The caller starts and closes the server.
 */
export function createDnsEndpoint(): Server {
  const names = new Map<string, Scripted>(Object.entries(fixedNames).map(([name, script]) => [name, begin(script)]))
  return createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://dns')
    const work = url.pathname.startsWith('/control/names/') ? control(names, url, request, response) : answer(names, url, request, response)
    work.catch((error: unknown) => sendJson(response, 500, { error: String(error) }))
  })
}

async function answer(names: Map<string, Scripted>, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (url.pathname !== '/dns-query') return sendJson(response, 404, { error: 'Only /dns-query is served here.' })
  if (request.method !== 'GET') return sendJson(response, 405, { error: 'Only GET is served in the JSON form.' })
  if (request.headers.accept !== 'application/dns-json') return sendJson(response, 415, { error: 'Accept must be application/dns-json.' })
  const query = readQuery(url.searchParams)
  if (typeof query === 'string') return sendJson(response, 400, { error: query })
  const scripted = names.get(query.name)
  const reply = scripted ? nextReply(scripted, query.type) : undefined
  await wait(reply?.delayMs ?? 0)
  const body = Buffer.from(JSON.stringify(composeMessage(query.name, query.type, reply)))
  response.writeHead(200, { 'content-type': 'application/dns-json', 'content-length': body.length }).end(body)
}

/** Stricter than the real one, which ignores what it does not know: a relay that sends more than it should is seen here. */
function readQuery(parameters: URLSearchParams): Query | string {
  const unknown = [...parameters.keys()].find((key) => key !== 'name' && key !== 'type')
  if (unknown !== undefined) return `Unknown parameter \`${unknown}\`.`
  const [name = '', ...otherNames] = parameters.getAll('name')
  const [type = '', ...otherTypes] = parameters.getAll('type')
  if (otherNames.length > 0 || otherTypes.length > 0) return 'A parameter is given twice.'
  if (name.length > 253 || !/^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/i.test(name)) return `Invalid query name \`${name}\`.`
  if (!isQueryType(type)) return `Invalid query type \`${type}\`. Expected one of ${queryTypes.join(', ')}.`
  return { name: name.toLowerCase(), type }
}

async function control(names: Map<string, Scripted>, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = url.pathname.slice('/control/names/'.length).toLowerCase()
  if (request.method === 'GET') return sendJson(response, 200, { asked: names.get(name)?.asked ?? { A: 0, AAAA: 0 } })
  if (request.method === 'PUT') {
    const script = Script.safeParse(await readJson(request))
    if (!script.success) return sendJson(response, 400, { error: script.error.message })
    names.set(name, begin(script.data))
  } else if (request.method === 'DELETE') names.delete(name)
  else return sendJson(response, 405, { error: 'Only GET, PUT and DELETE are served here.' })
  response.writeHead(204).end()
}

function begin(script: Script): Scripted {
  return { replies: 'sequence' in script ? script.sequence : [script], asked: { A: 0, AAAA: 0 } }
}

/** The last reply of a sequence stays. */
function nextReply({ replies, asked }: Scripted, type: QueryType): Reply | undefined {
  const reply = replies[Math.min(asked[type], replies.length - 1)]
  asked[type] += 1
  return reply
}
