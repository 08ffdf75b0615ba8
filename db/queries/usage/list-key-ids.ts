import { and, eq, inArray } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { apiKeys } from '../../schema/index.ts'

/** Ids of a customer's keys that one user or management key has made, those revoked since included; with `among` only of these. */
export async function listKeyIds(
  db: Db,
  { organizationId, createdBy, among }: { organizationId: string; createdBy: string; among?: string[] | undefined },
): Promise<string[]> {
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.organizationId, organizationId), eq(apiKeys.createdBy, createdBy), among && inArray(apiKeys.id, among)))
  return rows.map(({ id }) => id)
}
