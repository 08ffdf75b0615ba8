import { z } from 'zod'
import { cliproxyLackOf } from '#shared/contracts/cliproxy.ts'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'

/**
 * Why an upstream did not answer as it should. `missing`: it does not know the model; `credentials`: it refuses our key, or has none that works itself;
 * `cooling`: it is there and told us to wait; `failed`: any other status; `malformed`: a 200 that holds no answer.
 */
export type FaultKind = 'missing' | 'credentials' | 'cooling' | 'overloaded' | 'unreachable' | 'timeout' | 'failed' | 'malformed'

export interface Fault {
  kind: FaultKind
  /** HTTP status; null when there was none. */
  status: number | null
}

export interface Question<Answer extends z.ZodType> {
  url: string
  /** The key of the upstream; undefined when this Worker has none of the name. */
  key: string | undefined
  headers?: Record<string, string>
  /** Sent as JSON by POST; without one it is a GET. */
  body?: object
  /** The form of a good answer. */
  answer: Answer
  timeoutMs: number
  maxBytes: number
}

export type Told<Answer> = { answer: Answer; fault: null } | { answer: null; fault: Fault }

/** Asks a CLIProxyAPI one question. Whatever goes wrong is an answer as well, in which nothing of the upstream's own words is left. */
export async function ask<Answer extends z.ZodType>(question: Question<Answer>): Promise<Told<z.output<Answer>>> {
  const { url, key, headers, body, answer, timeoutMs, maxBytes } = question
  if (key === undefined) return faulty('credentials', null)
  try {
    const response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${key}`,
        'user-agent': 'rocket-relay',
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const content = parseJson(await readBoundedBody(response, maxBytes))
    if (response.status !== 200) return faulty(kindOf(response.status, content), response.status)
    const parsed = answer.safeParse(content)
    return parsed.success ? { answer: parsed.data, fault: null } : faulty('malformed', 200)
  } catch (error) {
    return faulty(error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'unreachable', null)
  }
}

function faulty(kind: FaultKind, status: number | null): { answer: null; fault: Fault } {
  return { answer: null, fault: { kind, status } }
}

const Envelope = z.object({ error: z.object({ message: z.string() }) })

function kindOf(status: number, content: unknown): FaultKind {
  const envelope = Envelope.safeParse(content)
  const lack = envelope.success && (status === 400 || status === 503) ? cliproxyLackOf(envelope.data.error.message) : null
  if (lack === 'model') return 'missing'
  if (lack === 'credential') return 'credentials'
  return kinds[status] ?? 'failed'
}

/** 52x and 530 are the platform's own words for an origin that it did not reach. */
const kinds: Record<number, FaultKind> = {
  401: 'credentials',
  403: 'credentials',
  408: 'timeout',
  429: 'cooling',
  503: 'overloaded',
  504: 'timeout',
  521: 'unreachable',
  522: 'unreachable',
  523: 'unreachable',
  524: 'timeout',
  525: 'unreachable',
  526: 'unreachable',
  529: 'overloaded',
  530: 'unreachable',
}

/** Undefined for what is not JSON or too long, which no schema here accepts. */
function parseJson(bytes: Uint8Array | null): unknown {
  try {
    return bytes ? JSON.parse(new TextDecoder().decode(bytes)) : undefined
  } catch {
    return undefined
  }
}
