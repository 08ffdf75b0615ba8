import { sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'

/** Empties an account, which the transaction has locked, of all that is personal or signs somebody in. Its row stays, because the audit log names its id. */
export async function deleteUser(tx: Db, userId: string): Promise<void> {
  await tx.execute(sql`
    update sessions set revoked_at = coalesce(revoked_at, now()), ip = '', user_agent = '' where user_id = ${userId}`)
  await tx.execute(sql`delete from memberships where user_id = ${userId}`)
  await tx.execute(sql`delete from passkeys where user_id = ${userId}`)
  await tx.execute(sql`delete from identities where user_id = ${userId}`)
  await tx.execute(sql`delete from recovery_codes where user_id = ${userId}`)
  await tx.execute(sql`delete from mail_tokens where user_id = ${userId}`)
  await tx.execute(sql`delete from secrets where owner_id = ${userId}`)
  await tx.execute(sql`
    update users set email = null, name = 'Deleted user', email_verified_at = null, password_hash = null, totp_enabled_at = null,
      totp_last_step = null, current_organization_id = null, deleted_at = now()
    where id = ${userId}`)
}
