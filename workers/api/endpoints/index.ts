import type { Endpoint } from '../endpoint.ts'
import { organizationEndpoints } from './organizations.ts'
import { secondFactorEndpoints } from './second-factor.ts'
import { sessionEndpoints } from './sessions.ts'
import { signInEndpoints } from './sign-in.ts'

/** Every operation that this Worker carries out. */
export const endpoints: readonly Endpoint[] = [...organizationEndpoints, ...signInEndpoints, ...sessionEndpoints, ...secondFactorEndpoints]
