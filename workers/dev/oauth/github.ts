import type { Dialect } from './front.ts'
import type { Somebody } from './people.ts'

const reasons = { code: 'bad_verification_code', redirect_uri: 'redirect_uri_mismatch' }

/** GitHub: refusals come with status 200, and addresses need the scope `user:email` and may be unverified, which the emulator does not know. */
export function githubDialect(people: Somebody[]): Dialect {
  return {
    paths: { authorize: '/login/oauth/authorize', approve: '/login/oauth/callback', token: '/login/oauth/access_token' },
    refusal: (reason) => ({ status: 200, body: { error: reasons[reason], error_description: 'Refused by the stand-in.' } }),
    async amend(path, answer, asked, scopeOf) {
      if (path !== '/user/emails' || !answer.ok) return answer
      if (!scopeOf(asked.get('authorization')).split(/[ ,]/).includes('user:email'))
        return Response.json({ message: 'Not Found' }, { status: 404 })
      const [{ email = '' } = {}]: { email?: string }[] = JSON.parse(await answer.text())
      const verified = people.find((each) => each.email === email)?.verified ?? true
      const second = { email: `second-of-${email}`, primary: false, verified: true, visibility: null }
      return Response.json([second, { email, primary: true, verified, visibility: 'private' }])
    },
  }
}

/** What the emulator has to know. */
export function githubSeed(people: Somebody[], application: { clientId: string; clientSecret: string }, redirectUri: string) {
  const { clientId: client_id, clientSecret: client_secret } = application
  const users = people.map(({ login, name, email }) => ({ login, name, email }))
  return { github: { users, oauth_apps: [{ client_id, client_secret, name: 'Rocket Relay', redirect_uris: [redirectUri] }] } }
}
