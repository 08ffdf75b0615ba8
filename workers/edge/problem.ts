import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** Every way a management request can end badly. The code is part of the API; the title is for people. */
const problems = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'Nobody is signed in' },
  sign_in_failed: { status: 401, title: 'The sign-in failed' },
  email_unverified: { status: 403, title: 'The e-mail address is not verified' },
  access_denied: { status: 403, title: 'Access is denied' },
  cross_site: { status: 403, title: 'The request came from another site' },
  fresh_sign_in_required: { status: 403, title: 'A fresh sign-in is required' },
  second_factor_required: { status: 403, title: 'The organization requires a second factor' },
  organization_suspended: { status: 403, title: 'The organization is suspended' },
  not_found: { status: 404, title: 'There is no such thing here' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  conflict: { status: 409, title: 'The request contradicts what is already there' },
  link_spent: { status: 410, title: 'The link can no longer be used' },
  precondition_failed: { status: 412, title: 'It was changed by somebody else' },
  body_too_large: { status: 413, title: 'The body is too large' },
  not_json: { status: 415, title: 'The body must be JSON' },
  amount_out_of_range: { status: 422, title: 'The amount would take the balance out of its range' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key stands for another request' },
  key_refused: { status: 422, title: 'The provider refuses the key' },
  precondition_required: { status: 428, title: 'The request must say what it changes' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  provider_unreachable: { status: 502, title: 'The provider could not be asked' },
  payments_off: { status: 503, title: 'Payments are not set up on this platform' },
  unavailable: { status: 503, title: 'A part this request needs is not available' },
} as const satisfies Record<string, { status: ContentfulStatusCode; title: string }>

export type ProblemCode = keyof typeof problems

/** Every code with its status, for documents and tests. */
export const problemStatuses: Readonly<Record<ProblemCode, { status: ContentfulStatusCode; title: string }>> = problems

/** One thing wrong with the request; `pointer` is a JSON pointer into the body, as a URI fragment (RFC 6901, section 6). */
export interface FieldProblem {
  pointer?: string
  parameter?: string
  detail: string
}

/** Ends a management request. `detail` is shown to the caller: never put a secret, SQL or another error's text in it. */
export class Problem extends Error {
  override name = 'Problem'
  readonly code: ProblemCode
  readonly fields: FieldProblem[]
  readonly headers: Record<string, string>

  constructor(code: ProblemCode, detail: string, fields: FieldProblem[] = [], headers: Record<string, string> = {}) {
    super(detail)
    this.code = code
    this.fields = fields
    this.headers = headers
  }

  get status(): ContentfulStatusCode {
    return problems[this.code].status
  }
}

/** Renders a problem as RFC 9457 `application/problem+json`, with the members `code`, `requestId` and `errors` of our own. */
export function problemResponse(problem: Problem, requestId: string): Response {
  const { status, title } = problems[problem.code]
  const body = {
    type: `urn:rocket-relay:problem:${problem.code}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    requestId,
    ...(problem.fields.length > 0 && { errors: problem.fields }),
  }
  const headers = { ...problem.headers, 'content-type': 'application/problem+json', 'cache-control': 'no-store' }
  return new Response(JSON.stringify(body), { status, headers })
}
