import { CodeChallengeMethod, OAuth2Client } from 'arctic'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { z } from 'zod'
import { Email } from '#shared/values/email.ts'
import { ExpiringCache } from '#workers/services/expiring-cache.ts'
import type { Surroundings } from '../env.ts'
import { knownIssuerMs, oauthTimeoutMs } from '../limits.ts'
import { displayNameOf } from './display-name.ts'
import { asking, type Provider, ProviderFailure, type ProviderIdentity, readJson } from './provider.ts'

const Discovery = z.object({ issuer: z.string(), authorization_endpoint: z.url(), token_endpoint: z.url(), jwks_uri: z.url() })

const Claims = z.object({
  sub: z.string().min(1).max(255),
  nonce: z.string(),
  azp: z.string().optional(),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  /** Domain of the Workspace that manages the account. */
  hd: z.string().optional(),
  name: z.string().optional(),
})

interface Issuer extends z.infer<typeof Discovery> {
  keys: ReturnType<typeof createRemoteJWKSet>
}

/** What an isolate knows of issuers; the keys in it are public, and refresh themselves. */
const issuers = new ExpiringCache<Issuer>(4, knownIssuerMs)

/** Google, by OpenID Connect; `redirectUri` is registered with the application there. */
export function googleProvider({ clientId, clientSecret, url }: NonNullable<Surroundings['google']>, redirectUri: string): Provider {
  const client = new OAuth2Client(clientId, clientSecret, redirectUri)
  return {
    name: 'google',
    async authorizationUrl({ state, verifier, nonce }) {
      const { authorization_endpoint } = await discover(url)
      const scopes = ['openid', 'email', 'profile']
      const location = client.createAuthorizationURLWithPKCE(authorization_endpoint, state, CodeChallengeMethod.S256, verifier, scopes)
      location.searchParams.set('nonce', nonce)
      return location
    },
    async readIdentity({ verifier, nonce }, code) {
      const issuer = await discover(url)
      const idToken = await asking('exchanging the code', async () =>
        (await client.validateAuthorizationCode(issuer.token_endpoint, code, verifier)).idToken(),
      )
      return asking('verifying the ID token', () => verifyIdToken(idToken, issuer, { clientId, nonce }))
    },
  }
}

async function discover(url: string): Promise<Issuer> {
  const known = issuers.get(url)
  if (known) return known
  const discovered = await readJson(
    `${url}/.well-known/openid-configuration`,
    Discovery.refine(({ issuer }) => issuer === url),
  )
  const keys = createRemoteJWKSet(new URL(discovered.jwks_uri), { timeoutDuration: oauthTimeoutMs })
  const issuer = { ...discovered, keys }
  issuers.set(url, issuer)
  return issuer
}

async function verifyIdToken(
  idToken: string,
  { issuer, keys }: Issuer,
  { clientId, nonce }: { clientId: string; nonce: string },
): Promise<ProviderIdentity> {
  const { payload } = await jwtVerify(idToken, keys, {
    // Google leaves the scheme out at times, and says so.
    issuer: [issuer, issuer.replace(/^https:\/\//, '')],
    audience: clientId,
    algorithms: ['RS256'],
    requiredClaims: ['exp', 'iat'],
    clockTolerance: 5,
  })
  const claims = Claims.parse(payload)
  if (claims.nonce !== nonce) throw new ProviderFailure('the ID token is of another sign-in')
  if (claims.azp !== undefined && claims.azp !== clientId) throw new ProviderFailure('the ID token was issued to another application')
  const email = claims.email_verified === true ? (Email.safeParse(claims.email).data ?? null) : null
  // For other addresses Google vouches only that they were their owner's once.
  const mayLinkByEmail = email !== null && (email.endsWith('@gmail.com') || claims.hd !== undefined)
  return { subject: claims.sub, email, mayLinkByEmail, name: displayNameOf(claims.name, email?.split('@')[0]) }
}
