import { CodeChallengeMethod, OAuth2Client } from 'arctic'
import { z } from 'zod'
import { Email } from '#shared/values/email.ts'
import type { Surroundings } from '../env.ts'
import { displayNameOf } from './display-name.ts'
import { asking, type Provider, readJson } from './provider.ts'

const User = z.object({ id: z.int(), login: z.string(), name: z.string().nullish() })
const Emails = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }))

/** GitHub, or an Enterprise of it; `redirectUri` is registered with the application there. */
export function githubProvider(
  { clientId, clientSecret, url, apiUrl }: NonNullable<Surroundings['github']>,
  redirectUri: string,
): Provider {
  const client = new OAuth2Client(clientId, clientSecret, redirectUri)
  return {
    name: 'github',
    async authorizationUrl({ state, verifier }) {
      return client.createAuthorizationURLWithPKCE(`${url}/login/oauth/authorize`, state, CodeChallengeMethod.S256, verifier, [
        'user:email',
      ])
    },
    async readIdentity({ verifier }, code) {
      const token = await asking('exchanging the code', async () =>
        (await client.validateAuthorizationCode(`${url}/login/oauth/access_token`, code, verifier)).accessToken(),
      )
      const headers = { accept: 'application/vnd.github+json', authorization: `Bearer ${token}` }
      const [user, emails] = await Promise.all([
        readJson(`${apiUrl}/user`, User, headers),
        readJson(`${apiUrl}/user/emails?per_page=100`, Emails, headers),
      ])
      const primary = emails.find((each) => each.primary && each.verified)
      const email = Email.safeParse(primary?.email).data ?? null
      return { subject: String(user.id), email, mayLinkByEmail: true, name: displayNameOf(user.name, user.login) }
    },
  }
}
