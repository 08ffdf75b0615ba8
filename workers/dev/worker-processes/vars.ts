import { demoApplication } from '../oauth/people.ts'
import { localHost, type Ports } from '../ports.ts'
import { postgresUrl } from '../postgres/cluster.ts'
import type { WorkerName } from './plan.ts'

/** The key the scripted upstream accepts; a made-up one, so it may stand here. */
const scriptedUpstreamKey = 'sk-scripted-upstream'

/** Short, so that what a killed process leaves behind is settled while one looks on. */
const leaseMs = 15_000

/** The variables of each Worker as the local stack fills them; `.dev.vars.example` says what each means. */
export function workerVars(
  ports: Ports,
  kept: { restToken: string; localKeks: string },
  audience: string,
): Record<WorkerName, Record<string, string>> {
  const postgres = { DATABASE_URL: postgresUrl(ports.postgres), NEON_ENDPOINT: `http://${localHost}:${ports.neon}` }
  const redis = { UPSTASH_REDIS_REST_URL: `http://${localHost}:${ports.upstash}`, UPSTASH_REDIS_REST_TOKEN: kept.restToken }
  const upstreams = { UPSTREAM_CREDENTIALS: JSON.stringify({ scripted: scriptedUpstreamKey }) }
  const access = { ACCESS_TEAM_URL: `http://${localHost}:${ports.access}`, ACCESS_AUDIENCE: audience }
  const targets = {
    DNS_OVER_HTTPS: `http://${localHost}:${ports.dns}/dns-query`,
    OWN_HOSTS: 'relay.example.com',
    ALLOWED_TARGETS: `http://${localHost}:${ports.upstream},http://${localHost}:${ports.inbox}`,
  }
  const stripe = { STRIPE_URL: `http://${localHost}:${ports.stripe}` }
  const keks = { KMS_PROVIDER: 'local', LOCAL_KEKS: kept.localKeks }
  return {
    proxy: { ...postgres, ...redis, ...upstreams, ...targets, ...keks },
    ledger: { LEASE_MS: String(leaseMs) },
    usage: postgres,
    webhooks: { ...postgres, ...targets, ...keks },
    quality: { ...postgres, ...upstreams },
    api: {
      ...postgres,
      ...redis,
      ...targets,
      ...keks,
      ...oauthVars(ports),
      ...stripe,
      PORTAL_URL: portalUrlOf(ports),
    },
    admin: { ...postgres, ...access, ...targets, ...keks, ...stripe },
  }
}

/** Where the portal of a local stack is, as a browser names it: passkeys belong to a host that has a name. */
export function portalUrlOf(ports: Ports): string {
  return `http://localhost:${ports.portal}`
}

/** The applications by which people sign in at the stand-ins of GitHub and Google. */
function oauthVars(ports: Ports): Record<string, string> {
  const [github, google] = [`http://${localHost}:${ports.github}`, `http://${localHost}:${ports.google}`]
  const { clientId, clientSecret } = demoApplication
  return {
    GITHUB_CLIENT_ID: clientId,
    GITHUB_CLIENT_SECRET: clientSecret,
    GITHUB_URL: github,
    GITHUB_API_URL: github,
    GOOGLE_CLIENT_ID: clientId,
    GOOGLE_CLIENT_SECRET: clientSecret,
    GOOGLE_URL: google,
  }
}
