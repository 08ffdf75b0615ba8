import { posix } from 'node:path'
import { z } from 'zod'
import type { Exchange } from '../exchange.ts'
import { answerJson, answerNotFound } from './replies.ts'
import { type CliproxyState, type Credential, parseJson } from './state.ts'

/** The one key of the management plane. */
export const managementKey = 'sk-scripted-management'

/** What one operation gets to see; `clientKey` is the key of the upstream itself. */
type Call = { state: CliproxyState; body: unknown; query: URLSearchParams; clientKey: string }
type Reply = { status: number; body: unknown }

const root = '/v0/management'
const plane = /^\/(v\d+\/management|management\.html|healthz|keep-alive|(anthropic|codex|google|antigravity|xai)\/callback)(\/|$)/
const maxBodyBytes = 1024 * 1024

const operations: Readonly<Record<string, (call: Call) => Reply>> = {
  'GET /auth-files': ({ state }) => ok({ files: Object.values(state.credentials).map((credential) => describeFile(state, credential)) }),
  'PATCH /auth-files/status': setStatus,
  'GET /api-key-usage': ({ state }) => ok(describeKeyUsage(state)),
  'GET /usage-queue': popUsage,
  'POST /reset-quota': resetQuota,
  'GET /config': describeConfig,
  'GET /api-keys': ({ state, clientKey }) => ok({ 'api-keys': state.clientKeys ?? [clientKey] }),
  'PUT /api-keys': putKeys,
  'PATCH /api-keys': patchKeys,
  'GET /latest-version': () => ok({ 'latest-version': 'v7.3.5' }),
}

/** Whether any server on the way could take this spelling for the plane: encoded, in other case, with extra slashes or dots. */
export function isManagement(path: string): boolean {
  let plain = path
  for (let round = 0; round < 3; round += 1) plain = decode(plain)
  return plane.test(posix.normalize(plain.replaceAll('\\', '/')).toLowerCase())
}

/** Every such request is recorded as `management`; only the spellings that the real router knows are served. */
export async function answerManagement(exchange: Exchange, path: string, clientKey: string): Promise<void> {
  const { record, request } = exchange
  record.behaviour = 'management'
  const routed = decode(path)
  if (routed === '/healthz' && request.method === 'GET') return answerJson(exchange, 200, { status: 'ok' })
  if (!routed.startsWith(`${root}/`)) return answerNotFound(exchange)
  if (!judgeKey(exchange)) return
  const name = `${request.method} ${routed.slice(root.length)}`
  const operate = Object.hasOwn(operations, name) ? operations[name] : undefined
  if (!operate) return answerNotFound(exchange)
  const bytes = await exchange.readBody(() => undefined, maxBodyBytes)
  if (bytes === 'left') return
  const body = bytes === 'too-large' ? undefined : parseJson(bytes.toString('utf8'))
  const query = new URLSearchParams(request.url?.split('?', 2)[1])
  const reply = operate({ state: exchange.cliproxy, body, query, clientKey })
  answerJson(exchange, reply.status, reply.body)
}

/** One round of percent decoding, which must not fail on what is no escape. */
function decode(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function judgeKey(exchange: Exchange): boolean {
  const { authorization, 'x-management-key': header } = exchange.request.headers
  const given = authorization?.replace(/^bearer /i, '') ?? header
  if (given === managementKey) {
    exchange.record.headerSet.authorization = 'right'
    return true
  }
  answerJson(exchange, 401, { error: given === undefined ? 'missing management key' : 'invalid management key' })
  return false
}

function ok(body: unknown): Reply {
  return { status: 200, body }
}

function refuse(status: number, error: string): Reply {
  return { status, body: { error } }
}

function describeFile(state: CliproxyState, credential: Credential): unknown {
  const { authIndex, disabled, email, name, provider } = credential
  return {
    id: name,
    auth_index: authIndex,
    name,
    type: provider,
    provider,
    label: email,
    status: disabled ? 'disabled' : 'active',
    status_message: disabled ? 'disabled via management API' : '',
    disabled,
    unavailable: false,
    runtime_only: false,
    source: 'file',
    path: `/home/proxy/.cli-proxy-api/${name}`,
    email,
    account_type: 'api_key',
    account: credential.apiKey,
    ...state.recentRequests(provider),
  }
}

const Status = z.object({ name: z.string().min(1), disabled: z.boolean() })

function setStatus({ state, body }: Call): Reply {
  const asked = Status.safeParse(body)
  if (!asked.success) return refuse(400, 'invalid request body')
  const credential = Object.values(state.credentials).find(({ name }) => name === asked.data.name)
  if (!credential) return refuse(404, 'auth file not found')
  credential.disabled = asked.data.disabled
  return ok({ status: 'ok', disabled: credential.disabled })
}

function describeKeyUsage(state: CliproxyState): unknown {
  const entries = Object.values(state.credentials).map(({ provider, baseUrl, apiKey }) => [
    provider,
    { [`${baseUrl}|${apiKey}`]: state.recentRequests(provider) },
  ])
  return Object.fromEntries(entries)
}

/** Destructive: what was told once is gone. */
function popUsage({ state, query }: Call): Reply {
  const count = Number(query.get('count') ?? '1')
  return count > 0 ? ok(state.pop(count)) : refuse(400, 'count must be a positive integer')
}

const Reset = z.object({ auth_index: z.string().min(1) })

function resetQuota({ state, body }: Call): Reply {
  const asked = Reset.safeParse(body)
  if (!asked.success) return refuse(400, 'invalid body')
  const credential = Object.values(state.credentials).find(({ authIndex }) => authIndex === asked.data.auth_index)
  return credential ? ok({ status: 'ok', auth_index: credential.authIndex, models: [] }) : refuse(404, 'auth not found')
}

function describeConfig({ state, clientKey }: Call): Reply {
  const { codex, claude, gemini } = state.credentials
  const describe = ({ apiKey, baseUrl, disabled }: Credential): unknown => ({
    'api-key': apiKey,
    'base-url': baseUrl,
    'proxy-url': '',
    disabled,
  })
  return ok({
    debug: false,
    'proxy-url': '',
    'request-log': false,
    'request-retry': 0,
    'usage-statistics-enabled': true,
    'api-keys': state.clientKeys ?? [clientKey],
    'codex-api-key': [describe(codex)],
    'claude-api-key': [describe(claude)],
    'gemini-api-key': [describe(gemini)],
  })
}

const Keys = z.union([z.array(z.string()), z.object({ items: z.array(z.string()).min(1) }).transform(({ items }) => items)])

function putKeys({ state, body }: Call): Reply {
  const keys = Keys.safeParse(body)
  if (!keys.success) return refuse(400, 'invalid body')
  state.clientKeys = keys.data
  return ok({ status: 'ok' })
}

const KeyChange = z.union([z.object({ index: z.int().min(0), value: z.string() }), z.object({ old: z.string(), new: z.string() })])

/** A key that is not there to be replaced is added. */
function patchKeys({ state, body, clientKey }: Call): Reply {
  const change = KeyChange.safeParse(body)
  if (!change.success) return refuse(400, 'missing fields')
  const keys = [...(state.clientKeys ?? [clientKey])]
  const [index, value] = 'index' in change.data ? [change.data.index, change.data.value] : [keys.indexOf(change.data.old), change.data.new]
  if (index >= keys.length) return refuse(400, 'missing fields')
  if (index < 0) keys.push(value)
  else keys[index] = value
  state.clientKeys = keys
  return ok({ status: 'ok' })
}
