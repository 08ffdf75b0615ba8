import { z } from 'zod'
import { Email } from '../../values/email.ts'
import { operation } from './operation.ts'
import { ByCode, ByRecoveryCode } from './second-factor.ts'

/** Somebody is signed in: cookies carry the session. */
export const SignedIn = z.object({ outcome: z.literal('signed_in'), userId: z.string(), sessionId: z.string() })
export type SignedIn = z.infer<typeof SignedIn>

/** The first factor was right; a code of the authenticator or a recovery code has to follow within minutes, together with `challenge`. */
export const SecondFactorRequired = z.object({ outcome: z.literal('second_factor_required'), challenge: z.string() })
export type SecondFactorRequired = z.infer<typeof SecondFactorRequired>

/** The answer to every way of signing in. */
export const SignInAnswer = z.discriminatedUnion('outcome', [SignedIn, SecondFactorRequired])
export type SignInAnswer = z.infer<typeof SignInAnswer>

/** A password as somebody typed it, right or wrong: longer than any that can be set. */
export const TypedPassword = z.string().min(1).max(1_000)

const Credentials = z.strictObject({ email: Email, password: TypedPassword })

const challenge = z.string().min(1).max(2_000)
const SecondFactor = z.union([ByCode.extend({ challenge }), ByRecoveryCode.extend({ challenge })])

const Refreshed = z.object({
  userId: z.string(),
  sessionId: z.string(),
  /** The end that no refresh moves. */
  expiresAt: z.iso.datetime(),
})

export const signInOperations = {
  signIn: operation({
    id: 'sign_in.password',
    method: 'POST',
    path: '/api/auth/sign-in',
    access: 'public',
    summary: 'Sign in with a password',
    description: 'Answers 401 `sign_in_failed` alike for a wrong password and for an address without an account.',
    body: Credentials,
    answer: SignInAnswer,
  }),
  secondFactor: operation({
    id: 'sign_in.second_factor',
    method: 'POST',
    path: '/api/auth/second-factor',
    access: 'public',
    summary: 'Finish a sign-in with a second factor',
    description:
      'Takes the `challenge` of the first factor with a `code` of the authenticator, or with a `recoveryCode`. Each of them works once.',
    body: SecondFactor,
    answer: SignedIn,
  }),
  refresh: operation({
    id: 'sign_in.refresh',
    method: 'POST',
    path: '/api/auth/refresh',
    access: 'public',
    summary: 'Renew the cookies of a session',
    description:
      'Spends the refresh cookie and sets another. A spent one that comes back later than ten seconds ends the session: somebody else may have it. 503 changes nothing; try again.',
    answer: Refreshed,
  }),
  signOut: operation({
    id: 'sign_in.sign_out',
    method: 'POST',
    path: '/api/auth/sign-out',
    access: 'public',
    summary: 'Sign out',
    description: 'Ends the session of the cookies, if there still is one, and takes them away.',
  }),
}
