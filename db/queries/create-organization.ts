import type { Limits } from '#shared/contracts/account.ts'
import type { Db } from '../client.ts'
import { organizations } from '../schema/index.ts'

export interface NewOrganization {
  organizationId: string
  name: string
  overdraftNanos?: number
  limits?: Limits
}

/** Creates a customer with a balance of zero. Answers false when the id exists already, and changes nothing then. */
export async function createOrganization(db: Db, organization: NewOrganization): Promise<boolean> {
  const created = await db
    .insert(organizations)
    .values({
      id: organization.organizationId,
      name: organization.name,
      overdraftNanos: organization.overdraftNanos ?? 0,
      limits: organization.limits ?? {},
    })
    .onConflictDoNothing()
    .returning({ id: organizations.id })
  return created.length === 1
}
