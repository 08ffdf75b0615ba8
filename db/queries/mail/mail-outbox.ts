import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { MailMessage } from '#shared/contracts/mail-message.ts'
import type { Db } from '../../client.ts'
import { outboxed } from '../../outboxed.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const DueMail = z.object({ id: SafeBigint, message: MailMessage })
export type DueMail = z.infer<typeof DueMail>

/** Puts a message into the outbox; nobody else takes it before `patienceMs` are over. */
export async function insertMail(tx: Db, message: MailMessage, patienceMs: number): Promise<void> {
  const statement = sql`
    insert into mail_outbox (message, due_at) values (${JSON.stringify(message)}::jsonb, now() + make_interval(secs => ${patienceMs / 1_000}))
    returning id, message`
  outboxed(tx).mails.push(...(await readRows(tx, statement, DueMail)))
}

/** Messages that the queue has not taken yet. Each is put off by `patienceMs`, so that of two takers at once only one gets it. */
export function takeDueMails(db: Db, { limit, patienceMs }: { limit: number; patienceMs: number }): Promise<DueMail[]> {
  const statement = sql`
    update mail_outbox m set due_at = now() + make_interval(secs => ${patienceMs / 1_000})
    from (select id from mail_outbox where due_at <= now() order by due_at, id limit ${limit} for update skip locked) due
    where m.id = due.id
    returning m.id, m.message`
  return readRows(db, statement, DueMail)
}

/** Forgets messages that the queue has taken. */
export async function finishMails(db: Db, ids: number[]): Promise<void> {
  if (ids.length === 0) return
  await db.execute(sql`delete from mail_outbox where id = any(${`{${ids.join(',')}}`}::bigint[])`)
}
