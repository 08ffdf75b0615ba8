import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'

const KeyedAnswer = z.object({
  operation: z.string(),
  requestHash: z.string(),
  status: z.number().nullable(),
  answer: z.record(z.string(), z.unknown()).nullable(),
  ageMs: z.coerce.number(),
})
export type KeyedAnswer = z.infer<typeof KeyedAnswer>

/** What is known of the request that took this key; null when none did. Without a status it is about to answer, or was cut off. */
export async function readIdempotencyKey(db: Db, scope: string, key: string): Promise<KeyedAnswer | null> {
  const statement = sql`
    select operation, request_hash as "requestHash", status, answer, floor(extract(epoch from now() - created_at) * 1000)::text as "ageMs"
    from idempotency_keys where scope = ${scope} and key = ${key}`
  const [row] = await readRows(db, statement, KeyedAnswer)
  return row ?? null
}
