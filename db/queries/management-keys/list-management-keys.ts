import { and, desc, eq, getTableColumns, isNull } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { managementKeys } from '../../schema/index.ts'

export type ManagementKeyRow = Omit<typeof managementKeys.$inferSelect, 'keyHash'>

/** An organization's management keys that are not revoked, newest first; without the hashes. */
export function listManagementKeys(db: Db, organizationId: string): Promise<ManagementKeyRow[]> {
  const { keyHash: _, ...columns } = getTableColumns(managementKeys)
  return db
    .select(columns)
    .from(managementKeys)
    .where(and(eq(managementKeys.organizationId, organizationId), isNull(managementKeys.revokedAt)))
    .orderBy(desc(managementKeys.id))
}
