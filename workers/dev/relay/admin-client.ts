import { z } from 'zod'
import type { Deployment } from './deployment.ts'
import { CommandFailure } from './failure.ts'
import { printable } from './printable.ts'

/** Longest wait for one answer, in milliseconds: longer than anything the admin Worker itself waits for. */
const timeoutMs = 30_000

export interface AdminClient {
  /** Sends one request and parses its answer; throws a CommandFailure that says what went wrong. */
  call<Answer extends z.ZodType>(method: string, path: string, answer: Answer, body?: object): Promise<z.output<Answer>>
}

export function openAdminClient(deployment: Deployment): AdminClient {
  return {
    async call(method, path, answer, body) {
      const response = await send(deployment, method, path, body)
      const content = await contentOf(response, deployment)
      if (!response.ok) throw failureOf(response, content)
      const parsed = answer.safeParse(content)
      if (parsed.success) return parsed.data
      throw new CommandFailure(
        `The admin Worker answered ${response.status} in an unknown form.`,
        ['Is this command of the same version as the deployment?'],
        true,
      )
    },
  }
}

async function send(deployment: Deployment, method: string, path: string, body: object | undefined): Promise<Response> {
  const headers: Record<string, string> = {
    accept: 'application/json',
    'cf-access-client-id': deployment.clientId,
    'cf-access-client-secret': deployment.clientSecret,
  }
  if (body) headers['content-type'] = 'application/json'
  // A redirect is Access asking a person to sign in; following it would only end on a page.
  const init: RequestInit = { method, headers, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) }
  if (body) init.body = JSON.stringify(body)
  return fetch(deployment.adminUrl + path, init).catch((error: unknown) => unreachable(deployment, error))
}

function unreachable(deployment: Deployment, error: unknown): never {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
  throw new CommandFailure(`${deployment.adminUrl} does not answer: ${reason}`, ['Is it running? npm start runs the local stack.'], true)
}

async function contentOf(response: Response, deployment: Deployment): Promise<unknown> {
  const text = await response.text().catch((error: unknown) => unreachable(deployment, error))
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What of a problem (RFC 9457) an operator is shown. */
const Told = z.object({
  detail: z.string(),
  code: z.string(),
  requestId: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string().optional(), detail: z.string() })).optional(),
})

function failureOf(response: Response, content: unknown): CommandFailure {
  const isInDoubt = response.status >= 500
  const problem = Told.safeParse(content)
  if (problem.success) {
    const { detail, code, requestId, errors = [] } = problem.data
    const hints = errors.map((error) => `${error.pointer ?? ''} ${error.detail}`.trim())
    if (requestId) hints.push(`Request id: ${requestId}`)
    return new CommandFailure(printable(`${detail} (${response.status} ${code})`), hints.map(printable), isInDoubt)
  }
  if (response.status === 403 || (response.status >= 300 && response.status < 400)) {
    return new CommandFailure('Cloudflare Access refuses the service token.', [
      'Check RELAY_ACCESS_CLIENT_ID and RELAY_ACCESS_CLIENT_SECRET, or start the local stack again.',
    ])
  }
  return new CommandFailure(`The admin Worker answered ${response.status}.`, ['Its log says more.'], isInDoubt)
}
