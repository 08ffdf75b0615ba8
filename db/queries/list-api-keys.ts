import { desc, eq, getTableColumns } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { apiKeys } from '../schema/index.ts'

export type ApiKeyRow = Omit<typeof apiKeys.$inferSelect, 'keyHash'>

const maxRows = 2_000

/** A customer's keys, newest first, revoked ones too; without the hashes. */
export function listApiKeys(db: Db, organizationId: string): Promise<ApiKeyRow[]> {
  const { keyHash: _, ...columns } = getTableColumns(apiKeys)
  return db.select(columns).from(apiKeys).where(eq(apiKeys.organizationId, organizationId)).orderBy(desc(apiKeys.id)).limit(maxRows)
}
