import { localHost, type Ports } from '../ports.ts'
import { postgresUrl } from '../postgres/cluster.ts'
import type { WorkerName } from './plan.ts'

/** The key the scripted upstream accepts; a made-up one, so it may stand here. */
const scriptedUpstreamKey = 'sk-scripted-upstream'

/** The variables of each Worker as the local stack fills them; `.dev.vars.example` says what each means. */
export function workerVars(ports: Ports, restToken: string, audience: string): Record<WorkerName, Record<string, string>> {
  const stores = {
    DATABASE_URL: postgresUrl(ports.postgres),
    NEON_ENDPOINT: `http://${localHost}:${ports.neon}`,
    UPSTASH_REDIS_REST_URL: `http://${localHost}:${ports.upstash}`,
    UPSTASH_REDIS_REST_TOKEN: restToken,
  }
  const proxy = { UPSTREAM_CREDENTIALS: JSON.stringify({ scripted: scriptedUpstreamKey }), ALLOW_LOCAL_UPSTREAMS: 'true' }
  const admin = { ACCESS_TEAM_URL: `http://${localHost}:${ports.access}`, ACCESS_AUDIENCE: audience }
  return { proxy: { ...stores, ...proxy }, ledger: stores, usage: stores, admin: { ...stores, ...admin } }
}
