import { auditOperations } from './audit.ts'
import { organizationOperations } from './organizations.ts'
import { referenceOperations } from './reference.ts'

/** Every operation of the API, by its resource. */
export const operations = {
  audit: auditOperations,
  organizations: organizationOperations,
  reference: referenceOperations,
}
