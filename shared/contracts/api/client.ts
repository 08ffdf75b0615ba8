import type { z } from 'zod'
import type { ApiOperation, ParameterOf, ParametersOf } from './operation.ts'
import { ProblemAnswer } from './problem.ts'

/** A request that ended badly, as the API tells it. */
export class ApiProblem extends Error {
  override name = 'ApiProblem'
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly errors: NonNullable<ProblemAnswer['errors']>
  /** Names the request to support; null when the answer came from something on the way. */
  readonly requestId: string | null

  constructor(problem: Omit<ProblemAnswer, 'requestId' | 'type' | 'title'> & { requestId: string | null }) {
    super(problem.detail)
    this.status = problem.status
    this.code = problem.code
    this.detail = problem.detail
    this.errors = problem.errors ?? []
    this.requestId = problem.requestId
  }
}

export interface ApiClientOptions {
  /** Without a slash at its end; empty for the page's own origin. */
  baseUrl: string
  fetch?: typeof fetch
  /** Sent with every request, such as the `authorization` of a management key. */
  headers?: Record<string, string>
  /** Whether a request whose access cookie has run out is sent once more after a refresh. For browsers; a management key has nothing to refresh. */
  refresh?: boolean
}

type PathOf<Operation> = Operation extends { path: infer Path extends string } ? Path : never
type InputOf<Operation, Part extends 'query' | 'body'> = Operation extends { [Name in Part]?: infer Schema }
  ? NonNullable<Schema> extends z.ZodType
    ? z.input<NonNullable<Schema>>
    : never
  : never

/** What an operation has to be given: only what it has is there to be given. */
export type Given<Operation extends ApiOperation> = { headers?: Record<string, string> } & ([ParameterOf<PathOf<Operation>>] extends [never]
  ? object
  : { params: ParametersOf<PathOf<Operation>> }) &
  ([InputOf<Operation, 'query'>] extends [never] ? object : { query?: InputOf<Operation, 'query'> }) &
  ([InputOf<Operation, 'body'>] extends [never] ? object : { body: InputOf<Operation, 'body'> })

/** What it answers; undefined for one without an answer. */
export type AnswerOf<Operation extends ApiOperation> = z.output<NonNullable<Operation['answer']>>

/** Nothing has to be given where everything that can be is optional. */
type Arguments<Operation extends ApiOperation> = object extends Given<Operation> ? [given?: Given<Operation>] : [given: Given<Operation>]

export interface ApiClient {
  /** Carries out an operation and parses its answer. Throws an `ApiProblem`; what `fetch` throws rises as it is. */
  call<Operation extends ApiOperation>(operation: Operation, ...given: Arguments<Operation>): Promise<AnswerOf<Operation>>
  /** As `call`, for an answer that is not JSON or carries headers: whoever asks reads it. */
  open<Operation extends ApiOperation>(operation: Operation, ...given: Arguments<Operation>): Promise<Response>
}

const refreshPath = '/api/auth/refresh'

/** A client of the API, typed by its operations. It keeps nothing but a refresh that is under way, which all requests wait for together. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const send = options.fetch ?? fetch
  let refreshing: Promise<boolean> | null = null
  const refreshed = () => {
    refreshing ??= send(`${options.baseUrl}${refreshPath}`, { method: 'POST' })
      .then(({ ok }) => ok)
      .finally(() => {
        refreshing = null
      })
    return refreshing
  }
  const open = async (operation: ApiOperation, given: LooselyGiven = {}): Promise<Response> => {
    const ask = () => send(`${options.baseUrl}${pathOf(operation.path, given)}`, requestOf(operation, given, options.headers))
    const response = await ask()
    if (response.ok) return response
    const problem = await problemOf(response)
    if (!options.refresh || problem.code !== 'unauthenticated' || operation.path === refreshPath || !(await refreshed())) throw problem
    const second = await ask()
    if (second.ok) return second
    throw await problemOf(second)
  }
  const call = async (operation: ApiOperation, given?: LooselyGiven): Promise<unknown> => {
    const response = await open(operation, given)
    return operation.answer?.parse(await response.json())
  }
  // The operation's own contracts type what is given and parse what is answered.
  return { call, open } as unknown as ApiClient
}

interface LooselyGiven {
  params?: Record<string, string>
  query?: Record<string, unknown>
  body?: unknown
  headers?: Record<string, string>
}

function pathOf(path: string, { params = {}, query = {} }: LooselyGiven): string {
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
  return given.length === 0 ? filled : `${filled}?${new URLSearchParams(given)}`
}

function requestOf({ method }: ApiOperation, { body, headers }: LooselyGiven, always: Record<string, string> = {}): RequestInit {
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const init = { method, headers: { ...always, ...type, ...headers } } satisfies RequestInit
  return body === undefined ? init : { ...init, body: JSON.stringify(body) }
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const { status } = response
  const told = ProblemAnswer.safeParse(await response.json().catch(() => undefined))
  if (told.success) return new ApiProblem(told.data)
  return new ApiProblem({ status, code: 'unreadable', detail: `The answer with status ${status} is not one of the API.`, requestId: null })
}
