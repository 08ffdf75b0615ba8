import type { Endpoint } from '../endpoint.ts'
import { organizationEndpoints } from './organizations.ts'
import { requestEndpoints } from './requests.ts'
import { usageEndpoints } from './usage.ts'

/** Every operation that this Worker carries out. */
export const endpoints: readonly Endpoint[] = [...organizationEndpoints, ...requestEndpoints, ...usageEndpoints]
