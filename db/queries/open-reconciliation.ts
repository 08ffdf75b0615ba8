import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { assert } from '#shared/values/assert.ts'
import type { Db } from '../client.ts'
import { readRows, SafeBigint } from '../statements.ts'

const Opened = z.object({
  reconciliationId: SafeBigint,
  /** Where the run before stopped, or the start. */
  afterId: z.string(),
  /** How often all customers have been gone through. */
  passes: SafeBigint,
})
export type OpenedReconciliation = z.infer<typeof Opened>

/** Begins a run where the one before it stopped, whether that one ended or died. */
export async function openReconciliation(db: Db): Promise<OpenedReconciliation> {
  const statement = sql`
    insert into reconciliations (resumes_after)
    select (select resumes_after from reconciliations order by id desc limit 1)
    returning id as "reconciliationId", coalesce(resumes_after, '') as "afterId",
      (select count(*) from reconciliations where finished_at is not null and resumes_after is null) as passes`
  const [opened] = await readRows(db, statement, Opened)
  assert(opened, 'an insert answers with its row')
  return opened
}
