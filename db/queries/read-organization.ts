import { eq } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { organizations } from '../schema/index.ts'

export type OrganizationRow = typeof organizations.$inferSelect

/** A customer's row; null when there is none. */
export async function readOrganization(db: Db, organizationId: string): Promise<OrganizationRow | null> {
  const [row] = await db.select().from(organizations).where(eq(organizations.id, organizationId))
  return row ?? null
}
