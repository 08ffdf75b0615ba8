import { managementKeys } from '#db/schema/index.ts'
import type { Role } from '#shared/access/roles.ts'
import { generateApiKey, hashApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'
import type { Stage } from './stage.ts'

/** A management key of an organization, without any request: only for tests that are not about making them. */
export async function managementKeyOf({ db }: Stage, organizationId: string, role: Role): Promise<{ keyId: string; bearer: string }> {
  const [keyId, bearer] = [newId('mgk'), generateApiKey('rrm_')]
  const key = { id: keyId, organizationId, name: 'Test', role, keyHash: await hashApiKey(bearer), redacted: 'rrm_…', createdBy: 'usr_test' }
  await db.insert(managementKeys).values(key)
  return { keyId, bearer }
}
