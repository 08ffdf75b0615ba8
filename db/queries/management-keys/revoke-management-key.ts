import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { managementKeys } from '../../schema/index.ts'

/** Ends a management key for good; answers with its name and role, and null when there is no such key or it is revoked already. */
export async function revokeManagementKey(
  tx: Db,
  { organizationId, managementKeyId }: { organizationId: string; managementKeyId: string },
): Promise<{ name: string; role: string } | null> {
  const { id, name, role, revokedAt } = managementKeys
  const [revoked] = await tx
    .update(managementKeys)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(id, managementKeyId), eq(managementKeys.organizationId, organizationId), isNull(revokedAt)))
    .returning({ name, role })
  return revoked ?? null
}
