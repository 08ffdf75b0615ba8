import { z } from 'zod'
import type { ApiOperation } from '#shared/contracts/api/operation.ts'

/** Headers that an operation takes, beside those of every request; null for none. */
export function requestHeaders({ idempotent, precondition }: ApiOperation): z.ZodObject | null {
  return objectOf({
    ...(idempotent && { 'Idempotency-Key': idempotencyKey.optional() }),
    ...(precondition && { 'If-Match': z.string().min(1).max(200).meta({ description: 'ETag of the version that is changed.' }) }),
  })
}

/** Headers that a success answers with, beside those of every answer; null for none. */
export function responseHeaders({ idempotent, entityTag }: ApiOperation): z.ZodObject | null {
  return objectOf({
    ...(idempotent === 'answer' && {
      'Idempotent-Replayed': z.literal('true').optional().meta({ description: 'This is the answer that was given the first time.' }),
    }),
    ...(entityTag && { ETag: z.string().meta({ description: 'The version, for a later If-Match.' }) }),
  })
}

const idempotencyKey = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/)
  .meta({ description: 'Chosen by the caller: a creation that is sent again with the same key is carried out once.' })

function objectOf(shape: Record<string, z.ZodType>): z.ZodObject | null {
  return Object.keys(shape).length > 0 ? z.object(shape) : null
}
