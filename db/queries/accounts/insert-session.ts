import type { Db } from '../../client.ts'
import { sessions } from '../../schema/index.ts'

export type NewSession = Required<
  Pick<typeof sessions.$inferInsert, 'id' | 'userId' | 'method' | 'secondFactor' | 'ip' | 'userAgent' | 'expiresAt'>
>

/** Begins a session of somebody who has just shown who they are. */
export async function insertSession(tx: Db, session: NewSession): Promise<void> {
  await tx.insert(sessions).values(session)
}
