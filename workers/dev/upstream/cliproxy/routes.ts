import { z } from 'zod'
import type { Dialect } from '../dialect.ts'
import type { Exchange } from '../exchange.ts'
import { findLeaks } from '../leaks.ts'
import { type Backend, backends, replaceKey } from './backends.ts'
import { describeForGemini, isServed, modelBehind, renderGeminiModels, renderModels } from './catalogue.ts'
import {
  type Failure,
  failureOf,
  geminiNotFound,
  noCredential,
  relayLeak,
  renderFailure,
  scriptedFailure,
  serverError,
  tooLarge,
  unknownModel,
} from './failures.ts'
import { answerManagement, isManagement } from './management.ts'
import { answerJson, answerNotFound, setHeaders, setTrace } from './replies.ts'
import { parseJson } from './state.ts'
import { publishUsage } from './usage.ts'

const prefix = '/cliproxy'
const maxBodyBytes = 64 * 1024 * 1024
const catalogues = /^\/v1\/models$|^\/v1beta\/models(\/[^/:]+)?$/
const modelInPath = /^(\/v1beta\/models\/)([^/:]+)(:\w+)?$/

/** As much of a body as the proxy itself looks at. */
const Body = z.looseObject({ model: z.string() })

/** A self-hosted CLIProxyAPI: the providers' dialects on their own paths, and a management plane that no public request may reach. */
export const cliproxyDialect: Dialect = {
  prefix,
  keysOf: 'platform',
  ownHeaders: ['x-api-key', 'x-goog-api-key', 'x-management-key'],
  // Which route takes which is judged below, where the route is known.
  ownQueries: [...backends.flatMap(({ dialect }) => dialect.ownQueries ?? []), /^count=\d+$/],
  refuseLeaks(exchange, leaks) {
    setHeaders(exchange)
    const path = pathOf(exchange)
    if (isManagement(path)) exchange.record.behaviour = 'management'
    answerFailure(exchange, path, relayLeak(leaks))
  },
  reportFault: (exchange) => answerFailure(exchange, pathOf(exchange), serverError),
  async answer(exchange, path, key) {
    setHeaders(exchange)
    if (isManagement(path)) return answerManagement(exchange, path, key)
    const backend = backends.find(({ paths }) => paths.test(path))
    if (!backend && !catalogues.test(path)) return answerNotFound(exchange)
    if (exchange.request.method !== (backend ? 'POST' : 'GET')) return answerNotFound(exchange)
    const leak = findLeak(exchange, backend)
    if (leak) {
      exchange.record.leaks.push(leak)
      return answerFailure(exchange, path, relayLeak([leak]))
    }
    const clientKey = judgeKey(exchange, key)
    if (clientKey === null) return
    if (backend) return forward(exchange, backend, path, clientKey)
    answerCatalogue(exchange, path)
  },
}

function pathOf({ request }: Exchange): string {
  return (request.url ?? '').split('?', 1)[0]?.slice(prefix.length) ?? ''
}

/** What the dialect as a whole takes, but not this route: a management key, or the query of another one. */
function findLeak({ request }: Exchange, backend: Backend | undefined): string | null {
  if (request.headers['x-management-key'] !== undefined) return 'x-management-key'
  const query = request.url?.split('?', 2)[1]
  if (query === undefined) return null
  return findLeaks(`?${query}`, [], backend?.dialect).length > 0 ? 'query' : null
}

/** The key that came, in whichever header; null when the request has been refused. */
function judgeKey(exchange: Exchange, key: string): string | null {
  const { authorization, 'x-api-key': anthropic, 'x-goog-api-key': google } = exchange.request.headers
  const given = authorization?.replace(/^bearer /i, '') ?? anthropic ?? google
  if (typeof given === 'string' && (exchange.cliproxy.clientKeys ?? [key]).includes(given)) {
    exchange.record.headerSet.authorization = 'right'
    return given
  }
  answerJson(exchange, 401, { error: given === undefined ? 'Missing API key' : 'Invalid API key' })
  return null
}

function answerCatalogue(exchange: Exchange, path: string): void {
  const { isDown, missing } = exchange.cliproxy
  const { 'user-agent': agent = '', 'anthropic-version': version } = exchange.request.headers
  const name = modelInPath.exec(path)?.[2]
  if (isDown) answerFailure(exchange, path, noCredential('auth_unavailable', 'unknown', 'unknown'))
  else if (path === '/v1/models') answerJson(exchange, 200, renderModels(missing, agent.startsWith('claude-cli') || version !== undefined))
  else if (name === undefined) answerJson(exchange, 200, renderGeminiModels(missing))
  else if (isServed(name, missing)) answerJson(exchange, 200, describeForGemini(name))
  else answerFailure(exchange, path, geminiNotFound)
}

/** Picks the credential, puts the model behind the alias in its place and lets the provider's own folder answer. */
async function forward(exchange: Exchange, backend: Backend, path: string, clientKey: string): Promise<void> {
  const bytes = await exchange.readBody(() => undefined, maxBodyBytes)
  if (bytes === 'left') return
  if (bytes === 'too-large') return answerFailure(exchange, path, tooLarge)
  const body = Body.safeParse(parseJson(bytes.toString('utf8')))
  const modelOfPath = modelInPath.exec(path)?.[2]
  const asked = modelOfPath ?? body.data?.model
  const failure = judgeModel(exchange, asked, backend)
  if (failure) return answerFailure(exchange, path, failure)
  const model = asked === undefined ? '' : modelBehind(asked)
  const isAlias = model !== asked && modelOfPath === undefined && body.success
  exchange.passBody(isAlias ? Buffer.from(JSON.stringify({ ...body.data, model })) : bytes)
  const credential = exchange.cliproxy.credentials[backend.provider]
  const requestId = setTrace(exchange, credential)
  publishUsage(exchange, credential, { endpoint: `POST ${path}`, alias: asked ?? '', requestId, clientKey })
  replaceKey(exchange.request.headers, backend, credential.apiKey)
  return backend.dialect.answer(exchange, path.replace(modelInPath, `$1${model}$3`), credential.apiKey)
}

/** What the proxy answers itself, before any credential is chosen. What names no model is refused by the provider, in its own words. */
function judgeModel({ cliproxy, record }: Exchange, asked: string | undefined, { provider }: Backend): Failure | null {
  record.model = asked ?? null
  if (cliproxy.isDown || cliproxy.credentials[provider].disabled) return noCredential('auth_unavailable', asked ?? 'unknown', provider)
  if (asked === undefined) return null
  if (!isServed(asked, cliproxy.missing)) return unknownModel(asked)
  const failure = failureOf(modelBehind(asked))
  if (!failure) return null
  record.behaviour = failure.name
  return scriptedFailure(failure.name, failure.amount, asked, provider)
}

/** On Anthropic's paths the proxy fails as Anthropic does. */
function answerFailure(exchange: Exchange, path: string, failure: Failure): void {
  const body = renderFailure(failure, path.startsWith('/v1/messages'))
  exchange.answer(failure.status, ['content-type', 'application/json', ...(failure.headers ?? [])], body)
}
