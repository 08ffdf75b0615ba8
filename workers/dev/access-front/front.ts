import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, request as openRequest, type Server, type ServerResponse } from 'node:http'
import { SignJWT } from 'jose'
import { sendJson } from '../json-http.ts'
import { localHost } from '../ports.ts'
import { type AccessCredentials, importSigningKey } from './credentials.ts'

export type AccessFrontOptions = { credentials: AccessCredentials; teamUrl: string; adminPort: number }

/** Cloudflare signs a service token's assertion for the length of a session; short here, because each request gets a new one. */
const assertionLifetimeSeconds = 60
/** What a client may not set itself: Access removes the service token and is the only one to state an assertion. */
const withheldHeaders = ['cf-access-client-id', 'cf-access-client-secret', 'cf-access-jwt-assertion', 'cf-access-authenticated-user-email']

/** Stands in for Cloudflare Access before the admin Worker: a service token in, a signed assertion out. The caller starts and closes it. */
export function createAccessFront(options: AccessFrontOptions): Server {
  const { publicKey, serviceToken } = options.credentials
  return createServer((request, response) => {
    if (request.url?.split('?')[0] === '/cdn-cgi/access/certs') return sendJson(response, 200, { keys: [publicKey] })
    const { 'cf-access-client-id': clientId, 'cf-access-client-secret': clientSecret } = request.headers
    const isKnown = isSame(clientId, serviceToken.clientId) && isSame(clientSecret, serviceToken.clientSecret)
    if (!isKnown) return sendJson(response, 403, { message: 'Forbidden. You do not have permission to view this.' })
    return void signAssertion(options).then(
      (assertion) => forward(request, response, options.adminPort, assertion),
      (error: unknown) => sendJson(response, 500, { message: String(error) }),
    )
  })
}

/** The claims of a service token, as Cloudflare documents them: no user, the token's id as common name. */
export async function signAssertion({ credentials, teamUrl }: AccessFrontOptions): Promise<string> {
  return new SignJWT({ type: 'app', common_name: credentials.serviceToken.clientId })
    .setProtectedHeader({ alg: 'RS256', kid: credentials.publicKey.kid, typ: 'JWT' })
    .setAudience([credentials.audience])
    .setIssuer(teamUrl)
    .setSubject('')
    .setIssuedAt()
    .setExpirationTime(`${assertionLifetimeSeconds}s`)
    .sign(await importSigningKey(credentials))
}

function forward(request: IncomingMessage, response: ServerResponse, adminPort: number, assertion: string): void {
  const kept = Object.entries(request.headers).filter(([name]) => !withheldHeaders.includes(name))
  const headers = { ...Object.fromEntries(kept), 'cf-access-jwt-assertion': assertion }
  const { method, url: path } = request
  const onward = openRequest({ host: localHost, port: adminPort, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(response)
  })
  onward.on('error', (error) => {
    if (response.headersSent) response.destroy()
    else sendJson(response, 502, { message: `The admin Worker does not answer: ${error.message}` })
  })
  response.on('close', () => onward.destroy())
  request.pipe(onward)
}

/** Compares digests, so that the time taken says nothing about the secret. */
function isSame(given: string | string[] | undefined, expected: string): boolean {
  if (typeof given !== 'string') return false
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
