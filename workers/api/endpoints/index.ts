import type { Endpoint } from '../endpoint.ts'
import { accountEndpoints } from './accounts.ts'
import { meEndpoints } from './me.ts'
import { organizationEndpoints } from './organizations.ts'

/** Every operation that this Worker carries out. */
export const endpoints: readonly Endpoint[] = [...accountEndpoints, ...meEndpoints, ...organizationEndpoints]
