import { z } from 'zod'

/** Somebody is signed in: cookies carry the session. */
export const SignedIn = z.object({ outcome: z.literal('signed_in'), userId: z.string(), sessionId: z.string() })
export type SignedIn = z.infer<typeof SignedIn>

/** The first factor was right; a code of the authenticator or a recovery code has to follow within minutes, together with `challenge`. */
export const SecondFactorRequired = z.object({ outcome: z.literal('second_factor_required'), challenge: z.string() })
export type SecondFactorRequired = z.infer<typeof SecondFactorRequired>

/** The answer to every way of signing in. */
export const SignInAnswer = z.discriminatedUnion('outcome', [SignedIn, SecondFactorRequired])
export type SignInAnswer = z.infer<typeof SignInAnswer>
