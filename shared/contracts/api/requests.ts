import { z } from 'zod'
import { Usage } from '../../pricing/usage.ts'
import { Nanos } from '../../values/money.ts'
import { KeyId } from '../customer-key.ts'
import { AttemptStatus } from '../request-status.ts'
import { RequestEnd } from '../usage-event.ts'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'
import { MemberId, ModelName } from './parameters.ts'
import { Moment } from './period.ts'

const root = '/api/organizations/:organizationId'

/** Lines that one CSV holds at most. */
export const maxExportedLines = 50_000

/** An HTTP status, a class of them such as `4xx`, or `none` where nobody lived to see one. */
const StatusFilter = z.string().regex(/^(?:[1-5]xx|[1-5]\d\d|none)$/, 'is not a status such as 429, a class such as 4xx, or none')

export const RequestFilter = z.strictObject({
  from: Moment.optional(),
  to: Moment.optional(),
  keyId: KeyId.optional(),
  memberId: MemberId.optional(),
  model: ModelName.optional(),
  status: StatusFilter.optional(),
  outcome: RequestEnd.optional(),
  estimated: z.enum(['true', 'false']).optional(),
})
export type RequestFilter = z.output<typeof RequestFilter>

export const RequestListQuery = RequestFilter.extend(PageQuery.shape)
export type RequestListQuery = z.output<typeof RequestListQuery>

/** A line of the request log. `keyId`, `credentialId`, `clientIp` and `userAgent` are absent for who may not see them. */
export const RequestLine = z.object({
  requestId: z.string(),
  /** When the request began. */
  createdAt: z.iso.datetime(),
  keyId: z.string().optional(),
  model: z.string(),
  method: z.string(),
  path: z.string(),
  /** HTTP status the client got; null when nobody lived to see it. */
  status: z.int().nullable(),
  outcome: RequestEnd,
  /** The upstream that answered; null when none was reached. */
  provider: z.string().nullable(),
  /** Whether a provider credential of the organization's own served it, and which one. */
  byok: z.boolean(),
  credentialId: z.string().nullable().optional(),
  /** Every kind of input together; null when none was reported. */
  inputTokens: z.int().nullable(),
  outputTokens: z.int().nullable(),
  costNanos: Nanos,
  /** The cost rests on what passed through, not on what the upstream reported. */
  estimated: z.boolean(),
  latencyMs: z.int(),
  timeToFirstTokenMs: z.int().nullable(),
  /** How often an upstream was tried. */
  attemptCount: z.int(),
  clientIp: z.string().optional(),
  userAgent: z.string().optional(),
})
export type RequestLine = z.infer<typeof RequestLine>

/** A request with all that is known of it. */
export const RequestDetail = RequestLine.omit({ inputTokens: true, outputTokens: true, attemptCount: true }).extend({
  /** A bucket that the upstream did not report is absent. */
  usage: Usage,
  /** The usage cost more than was held for it, and was charged only so far. */
  capped: z.boolean(),
  /** By which version of the model's price it was charged. */
  priceVersionId: z.string(),
  routeId: z.string().nullable(),
  attempts: z.array(AttemptStatus),
})
export type RequestDetail = z.infer<typeof RequestDetail>

const description = `Newest first, by the moment a request began. A request is listed once it has ended and was recorded, which takes seconds.
A developer sees requests of the keys they made; a viewer sees neither keys nor addresses, and cannot filter by key or member.`

export const requestOperations = {
  list: operation({
    id: 'requests.list',
    method: 'GET',
    path: `${root}/requests`,
    access: 'requests.read',
    summary: 'The request log',
    description: `${description} A page may have fewer lines than \`limit\`, or none, and a \`next\` all the same, when few lines of very many fit the filters.`,
    query: RequestListQuery,
    answer: pageOf(RequestLine),
  }),
  export: operation({
    id: 'requests.export',
    method: 'GET',
    path: `${root}/requests.csv`,
    access: 'requests.read',
    summary: 'The request log, as CSV',
    description: `${description}

At most ${maxExportedLines} lines; for those before, ask again with \`to\` a millisecond after the last line. A text that a spreadsheet would take for a formula
begins with an apostrophe.`,
    query: RequestFilter,
    media: 'text/csv',
  }),
  read: operation({
    id: 'requests.read',
    method: 'GET',
    path: `${root}/requests/:requestId`,
    access: 'requests.read',
    summary: 'A request, with its attempts, usage and cost',
    answer: RequestDetail,
  }),
}
