import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

/** What an application asked for when it sent a browser: the exchange of the code has to fit it. */
interface Grant {
  clientId: string
  redirectUri: string
  scope: string
  challenge: string
}

/** What of the emulator's answers, and its paths, is a provider's own. */
export interface Dialect {
  paths: { authorize: string; approve: string; token: string }
  /** Status and body of a token request that is refused. */
  refusal(reason: 'code' | 'redirect_uri'): { status: number; body: object }
  /** Changes the emulator's answer to a path; `scopeOf` tells what an access token may. */
  amend(path: string, answer: Response, asked: Headers, scopeOf: (authorization: string | null) => string): Promise<Response>
}

/**
 * Stands before an emulated provider and is as strict as the real one, where the emulator is not: the code works once and for the client, redirect URI and
 * verifier that asked for it (RFC 6749, 4.1.3; RFC 7636), and client credentials may come by HTTP Basic. The caller starts and closes it.
 */
export function createOauthFront(emulatorUrl: string, dialect: Dialect): Server {
  const front = new OauthFront(emulatorUrl, dialect)
  return createServer((request, response) => {
    front.answer(request).then(
      (answer) => send(response, answer),
      (error: unknown) => send(response, Response.json({ error: String(error) }, { status: 502 })),
    )
  })
}

class OauthFront {
  readonly #emulatorUrl: string
  readonly #dialect: Dialect
  /** By `state`, until the person has chosen. */
  readonly #asked = new Map<string, Grant>()
  /** By code. */
  readonly #grants = new Map<string, Grant>()
  /** By access token. */
  readonly #scopes = new Map<string, string>()

  constructor(emulatorUrl: string, dialect: Dialect) {
    this.#emulatorUrl = emulatorUrl
    this.#dialect = dialect
  }

  async answer(request: IncomingMessage): Promise<Response> {
    const { authorize, approve, token } = this.#dialect.paths
    const url = new URL(request.url ?? '/', this.#emulatorUrl)
    if (url.pathname === authorize) this.#noteAsked(url.searchParams)
    const body = await readText(request)
    if (url.pathname === token) return this.#exchange(url, request, new URLSearchParams(body))
    const answer = await this.#forward(url, request, body)
    if (url.pathname === approve) this.#noteCode(answer.headers.get('location'))
    const asked = headersOf(request)
    return this.#dialect.amend(url.pathname, answer, asked, (authorization) => this.#scopes.get(tokenOf(authorization)) ?? '')
  }

  #noteAsked(parameters: URLSearchParams): void {
    const read = (name: string) => parameters.get(name) ?? ''
    const grant = {
      clientId: read('client_id'),
      redirectUri: read('redirect_uri'),
      scope: read('scope'),
      challenge: read('code_challenge'),
    }
    this.#asked.set(read('state'), grant)
  }

  #noteCode(location: string | null): void {
    const parameters = location === null ? undefined : URL.parse(location)?.searchParams
    const [code, state] = [parameters?.get('code'), parameters?.get('state')]
    const grant = this.#asked.get(state ?? '')
    if (code && grant) this.#grants.set(code, grant)
  }

  async #exchange(url: URL, request: IncomingMessage, form: URLSearchParams): Promise<Response> {
    const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const [id, secret] = basic === undefined ? [] : Buffer.from(basic, 'base64').toString().split(':')
    if (id !== undefined && secret !== undefined) {
      form.set('client_id', id)
      form.set('client_secret', secret)
    }
    const code = form.get('code') ?? ''
    const grant = this.#grants.get(code)
    this.#grants.delete(code)
    const verified = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (grant?.clientId !== form.get('client_id') || grant?.challenge !== verified) return this.#refuse('code')
    if (grant.redirectUri !== form.get('redirect_uri')) return this.#refuse('redirect_uri')
    const answer = await this.#forward(url, request, form.toString())
    const text = await answer.text()
    const accessToken = /"access_token":"([^"]+)"/.exec(text)?.[1]
    if (accessToken !== undefined) this.#scopes.set(accessToken, grant.scope)
    return this.#dialect.amend(url.pathname, new Response(text, answer), headersOf(request), () => grant.scope)
  }

  #refuse(reason: 'code' | 'redirect_uri'): Response {
    const { status, body } = this.#dialect.refusal(reason)
    return Response.json(body, { status })
  }

  #forward(url: URL, request: IncomingMessage, body: string): Promise<Response> {
    const headers = headersOf(request)
    for (const name of ['host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding']) headers.delete(name)
    const { method = 'GET' } = request
    return fetch(url, { method, headers, redirect: 'manual', ...(method !== 'GET' && method !== 'HEAD' && { body }) })
  }
}

function tokenOf(authorization: string | null): string {
  return /^(?:Bearer|token) (.+)$/i.exec(authorization ?? '')?.[1] ?? ''
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) if (typeof value === 'string') headers.set(name, value)
  return headers
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function send(response: ServerResponse, answer: Response): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer())
  const headers = [...answer.headers].filter(([name]) => !['content-encoding', 'content-length', 'transfer-encoding'].includes(name))
  response.writeHead(answer.status, headers.flat())
  response.end(body)
}
