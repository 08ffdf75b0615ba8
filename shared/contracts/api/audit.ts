import { z } from 'zod'
import { OrganizationId } from '../customer.ts'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'
import { UserId } from './parameters.ts'

/** A name or an id, as entries have them: nothing that a terminal or Postgres would trip over. */
const Named = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'is not a name that an entry could have')

/** Entries of a chain, the newest first. `from` is included, `to` is not. */
export const AuditQuery = z.strictObject({
  ...PageQuery.shape,
  /** Id of the user, management key or job. */
  actor: Named.optional(),
  /** Such as `key.revoked`. */
  action: Named.optional(),
  /** Id of what was changed. */
  target: Named.optional(),
  from: z.iso.datetime({ offset: true }).max(40).optional(),
  to: z.iso.datetime({ offset: true }).max(40).optional(),
})
export type AuditQuery = z.output<typeof AuditQuery>

export const AuditEntry = z.object({
  seq: z.int(),
  at: z.iso.datetime(),
  actor: z.object({ type: z.enum(['user', 'management_key', 'operator', 'system']), id: z.string() }),
  /** Address that the request came from; null when no request did. */
  ip: z.string().nullable(),
  requestId: z.string().nullable(),
  action: z.string(),
  target: z.object({ type: z.string(), id: z.string() }),
  /** What of the target was changed, as it was and as it is now; null where there was or is nothing. */
  before: z.record(z.string(), z.unknown()).nullable(),
  after: z.record(z.string(), z.unknown()).nullable(),
  hash: z.string(),
})
export type AuditEntry = z.infer<typeof AuditEntry>

export const AuditPage = pageOf(AuditEntry)
export type AuditPage = z.infer<typeof AuditPage>

/**
 * An entry as it is hashed, every field as Postgres writes it: a line of an export. `hash` is the SHA-256 of the other fields in this order, `previousHash`
 * moved to the front, each as its length in bytes, `:` and itself (null is `-`), joined by `,`. `atMicros` counts from 1970.
 */
export const WrittenEntry = z.object({
  chain: z.string(),
  seq: z.string(),
  atMicros: z.string(),
  actorType: z.string(),
  actorId: z.string(),
  ip: z.string().nullable(),
  requestId: z.string().nullable(),
  action: z.string(),
  targetType: z.string(),
  targetId: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
  previousHash: z.string(),
  hash: z.string(),
})
export type WrittenEntry = z.infer<typeof WrittenEntry>

/** Of an export in pages: `next` is the number of its last entry, null on the last page. */
export const WrittenPage = z.object({ entries: z.array(WrittenEntry), next: z.int().nullable() })
export type WrittenPage = z.infer<typeof WrittenPage>

/** Whose changes a chain holds: an organization's, a user's or the platform's. */
export const AuditChain = z.union([OrganizationId, UserId, z.literal('platform')])

/** The number of an entry; Postgres has no larger one that JavaScript counts exactly. */
const Seq = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Entries in the order they were written, behind `after`. */
export const AuditExportQuery = z.strictObject({ after: Seq.default(0) })

/** An entry that somebody noted. As long as it is in its place with its hash, nothing up to it was changed. */
export const AuditHead = z.object({ seq: z.int(), hash: z.string() })
export type AuditHead = z.infer<typeof AuditHead>

/** `cursor` goes on where a verification ended as unfinished; the head, when given, must still be where it was. */
export const AuditVerificationQuery = z
  .strictObject({
    cursor: PageQuery.shape.cursor,
    headSeq: Seq.min(1).optional(),
    headHash: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in hex')
      .optional(),
  })
  .refine(({ headSeq, headHash }) => (headSeq === undefined) === (headHash === undefined), {
    error: 'goes together with headHash',
    path: ['headSeq'],
  })
export type AuditVerificationQuery = z.output<typeof AuditVerificationQuery>

/**
 * The first number whose entry is not as it was written. `missing`: it is not there; `altered`: not what was hashed; `unlinked`: it was written behind another
 * entry than the one before it; `cut_off`: the chain ends before the noted head; `replaced`: the noted head is another entry now.
 */
export const AuditBreak = z.object({
  seq: z.int(),
  reason: z.enum(['altered', 'missing', 'unlinked', 'cut_off', 'replaced']),
})
export type AuditBreak = z.infer<typeof AuditBreak>

export const AuditVerification = z.object({
  outcome: z.enum(['whole', 'broken', 'unfinished']),
  /** Entries that this request found whole. */
  entries: z.int(),
  /** The last of them: note it elsewhere, and name it next time. Null for an empty chain. */
  head: AuditHead.nullable(),
  broken: AuditBreak.nullable(),
  next: z.string().nullable(),
})
export type AuditVerification = z.infer<typeof AuditVerification>

const one = '/api/organizations/:organizationId/audit-log'

export const auditOperations = {
  list: operation({
    id: 'audit.list',
    method: 'GET',
    path: one,
    access: 'audit.read',
    summary: 'What was changed, by whom, the newest first',
    query: AuditQuery,
    answer: AuditPage,
  }),
  export: operation({
    id: 'audit.export',
    method: 'GET',
    path: `${one}/export`,
    access: 'audit.read',
    summary: 'The whole audit log, one entry a line',
    description:
      'Newline-delimited JSON, in the order it was written. Every field is text just as it was hashed, so that the log can be verified elsewhere: ' +
      '`hash` is the SHA-256 of `previousHash`, `chain`, `seq`, `atMicros`, `actorType`, `actorId`, `ip`, `requestId`, `action`, `targetType`, `targetId`, ' +
      '`before` and `after`, each written as its length in bytes, `:` and itself (null as `-`) and joined by `,`.',
    query: AuditExportQuery,
    media: 'application/x-ndjson',
  }),
  verify: operation({
    id: 'audit.verify',
    method: 'GET',
    path: `${one}/verification`,
    access: 'audit.read',
    summary: 'Whether the audit log is whole',
    description:
      'Recomputes the hash of every entry. A log whose end was cut off looks whole by itself: note the head, and name it as `headSeq` and `headHash` next time.',
    query: AuditVerificationQuery,
    answer: AuditVerification,
  }),
  listOwn: operation({
    id: 'audit.list_own',
    method: 'GET',
    path: '/api/me/audit-log',
    access: 'person',
    summary: 'What was changed of your account, the newest first',
    query: AuditQuery,
    answer: AuditPage,
  }),
}
