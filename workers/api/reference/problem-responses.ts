import { z } from 'zod'
import type { ZodOpenApiResponseObject } from 'zod-openapi'
import type { ApiOperation } from '#shared/contracts/api/operation.ts'
import { parameterNames } from '#shared/contracts/api/operation.ts'
import { ProblemAnswer } from '#shared/contracts/api/problem.ts'
import { type ProblemCode, problemStatuses } from '#workers/edge/problem.ts'

/** Every way in which an operation can end badly, one response a status. */
export function problemResponses(operation: ApiOperation): Record<string, ZodOpenApiResponseObject> {
  const codes = (Object.keys(problemStatuses) as ProblemCode[]).filter((code) => applies(code, operation)) // The keys of a record of codes are codes.
  const byStatus = Map.groupBy(codes, (code) => problemStatuses[code].status)
  return Object.fromEntries([...byStatus].map(([status, each]) => [String(status), responseOf(each)]))
}

function responseOf(codes: ProblemCode[]): ZodOpenApiResponseObject {
  const description = codes.map((code) => `\`${code}\`: ${problemStatuses[code].title}.`).join('\n')
  return { description, content: { 'application/problem+json': { schema: problem } } }
}

const problem = ProblemAnswer.extend({ code: z.enum(Object.keys(problemStatuses)) }).meta({ id: 'Problem' })

/** Whether an operation can end with this code. What only a few have, and their contracts do not show, is said of all that change something. */
function applies(code: ProblemCode, operation: ApiOperation): boolean {
  const { access, method, path, query, body, idempotent, precondition, fresh, withoutSecondFactor, whileSuspended } = operation
  const isPublic = access === 'public'
  const isOfOrganization = !isPublic && access !== 'person'
  const isChange = method !== 'GET'
  const conditions: Record<ProblemCode, boolean> = {
    invalid_request: query !== undefined || body !== undefined || idempotent !== undefined || operation.id === 'stripe.receive',
    unauthenticated: !isPublic || isChange,
    sign_in_failed: isPublic && isChange,
    access_denied: !isPublic,
    email_unverified: operation.id === 'auth.sign_in',
    cross_site: isChange,
    fresh_sign_in_required: fresh === true,
    second_factor_required: isOfOrganization && !withoutSecondFactor,
    organization_suspended: isOfOrganization && isChange && !whileSuspended,
    not_found: parameterNames(path).length > 0,
    method_not_allowed: false,
    conflict: isChange,
    payments_off: access === 'billing.top_up' || access === 'billing.payment_method' || operation.id === 'stripe.receive',
    link_spent: isPublic && isChange,
    precondition_failed: precondition !== undefined,
    body_too_large: body !== undefined || operation.id === 'stripe.receive',
    not_json: body !== undefined,
    amount_out_of_range: operation.id === 'promotions.redeem',
    idempotency_key_reused: idempotent !== undefined,
    key_refused: isChange && path.includes('credential'),
    precondition_required: precondition !== undefined,
    too_many_requests: isChange,
    internal: true,
    provider_unreachable: isChange && (path.includes('credential') || access === 'billing.top_up' || access === 'billing.payment_method'),
    unavailable: true,
  }
  return conditions[code]
}
