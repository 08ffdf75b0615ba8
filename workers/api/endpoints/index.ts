import type { Endpoint } from '../endpoint.ts'
import { auditEndpoints } from './audit.ts'
import { organizationEndpoints } from './organizations.ts'

/** Every operation that this Worker carries out. */
export const endpoints: readonly Endpoint[] = [...auditEndpoints, ...organizationEndpoints]
