import { z } from 'zod'
import { LocalPath } from '../../values/local-path.ts'
import { operation } from './operation.ts'
import { OauthProvider } from './parameters.ts'

const provider = '/api/auth/oauth/:provider' as const
const own = '/api/me/identities' as const

/** An account at a provider by which a person signs in. */
export const Identity = z.object({
  provider: OauthProvider,
  /** As the provider told it when the account was linked. */
  email: z.string(),
  createdAt: z.iso.datetime(),
})
export type Identity = z.infer<typeof Identity>

/** Why somebody comes back from a provider without being signed in, or linked: the parameter `error` of the page that they come back to. */
export const OauthError = z.enum([
  /** The person, or the provider, said no. */
  'access_denied',
  /** The provider did not answer, or not as it should. */
  'provider_failed',
  /** The sign-in was begun in another browser, too long ago, or has ended already. */
  'expired',
  /** The provider vouches for no address of theirs. */
  'email_unverified',
  /** There is an account of this address here: whoever owns it signs in by other means, and links from within. */
  'account_exists',
  /** What was to be linked belongs to another account. */
  'identity_taken',
  /** Another account at this provider is linked already. */
  'already_linked',
  'too_many_requests',
])
export type OauthError = z.infer<typeof OauthError>

const returnTo = LocalPath.default('/')
const text = z.string().max(2_000).optional()

/** Providers add parameters of their own; those that nobody reads are left out. */
const Callback = z.object({ code: text, state: text, error: text })
export type Callback = z.output<typeof Callback>

export const oauthOperations = {
  methods: operation({
    id: 'sign_in.methods',
    method: 'GET',
    path: '/api/auth/methods',
    access: 'public',
    summary: 'Providers by which one can sign in here',
    answer: z.object({ providers: z.array(OauthProvider) }),
  }),
  start: operation({
    id: 'oauth.start',
    method: 'GET',
    path: `${provider}/start`,
    access: 'public',
    summary: 'Go to a provider to sign in',
    description: 'For a browser to go to: it is sent on (302) to the provider, and afterwards to `returnTo`, a path of the portal.',
    query: z.strictObject({ returnTo }),
    status: 302,
  }),
  callback: operation({
    id: 'oauth.callback',
    method: 'GET',
    path: `${provider}/callback`,
    access: 'public',
    summary: 'Come back from a provider',
    description:
      'For a browser to come to. It is sent on (302) to the path that it began with; to `/sign-in/second-factor#challenge=...`, when a second factor ' +
      `has to follow; or to \`/sign-in?error=...\`, with one of ${OauthError.options.map((code) => `\`${code}\``).join(', ')}. Who was linking an ` +
      'account comes back to the path that they began with, errors included.',
    query: Callback,
    status: 302,
  }),
  listIdentities: operation({
    id: 'identities.list',
    method: 'GET',
    path: own,
    access: 'person',
    summary: 'Accounts at providers by which one signs in',
    answer: z.object({ data: z.array(Identity) }),
  }),
  link: operation({
    id: 'identities.link',
    method: 'POST',
    path: `${own}/:provider`,
    access: 'person',
    summary: 'Begin to link an account at a provider',
    description: 'The answer tells where the browser has to go. It is a POST, so that no page of another site can begin it.',
    body: z.strictObject({ returnTo }),
    answer: z.object({ url: z.url() }),
    fresh: true,
  }),
  unlink: operation({
    id: 'identities.unlink',
    method: 'DELETE',
    path: `${own}/:provider`,
    access: 'person',
    summary: 'No longer sign in by an account at a provider',
    description: 'Refused with 409 for the last way to sign in.',
    fresh: true,
  }),
}
