import { z } from 'zod'
import { DisplayName } from '../../values/display-name.ts'
import { operation } from './operation.ts'
import { SignedIn } from './sign-in.ts'

const root = '/api/me/passkeys'
const one = `${root}/:passkeyId` as const

/** Bytes in base64url, as the JSON forms of WebAuthn carry them. */
function bytes(maxCharacters: number) {
  return z
    .string()
    .min(1)
    .max(maxCharacters)
    .regex(/^[A-Za-z0-9_-]+$/, 'is not base64url')
}

/** A credential's id has at most 1023 bytes (WebAuthn, section 4). */
const CredentialId = bytes(1_364)
const clientData = bytes(4_096)
const Transports = z
  .array(
    z
      .string()
      .max(32)
      .regex(/^[a-z-]+$/),
  )
  .max(10)

const credential = {
  id: CredentialId,
  rawId: CredentialId,
  type: z.literal('public-key'),
  // No extension is asked for, so whatever a browser tells of them is left out.
  clientExtensionResults: z.object({}),
}

/** What `PublicKeyCredential.toJSON()` gives after a registration. Browsers add members to it over time; those that nobody reads are left out. */
export const RegistrationResponse = z.object({
  ...credential,
  response: z.object({ clientDataJSON: clientData, attestationObject: bytes(16_384), transports: Transports.default([]) }),
})
export type RegistrationResponse = z.output<typeof RegistrationResponse>

/** The same after a sign-in. */
export const AuthenticationResponse = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: clientData,
    authenticatorData: bytes(4_096),
    signature: bytes(4_096),
    userHandle: bytes(128).nullish(),
  }),
})
export type AuthenticationResponse = z.output<typeof AuthenticationResponse>

const Descriptor = z.object({ id: z.string(), type: z.string(), transports: z.array(z.string()).optional() })

/** For `PublicKeyCredential.parseCreationOptionsFromJSON()`. */
export const RegistrationOptions = z.object({
  rp: z.object({ id: z.string(), name: z.string() }),
  user: z.object({ id: z.string(), name: z.string(), displayName: z.string() }),
  challenge: z.string(),
  pubKeyCredParams: z.array(z.object({ alg: z.int(), type: z.literal('public-key') })),
  /** In milliseconds. */
  timeout: z.int(),
  excludeCredentials: z.array(Descriptor),
  authenticatorSelection: z.object({
    residentKey: z.literal('required'),
    requireResidentKey: z.literal(true),
    userVerification: z.literal('required'),
  }),
  attestation: z.literal('none'),
})

/** For `PublicKeyCredential.parseRequestOptionsFromJSON()`. */
export const AuthenticationOptions = z.object({
  rpId: z.string(),
  challenge: z.string(),
  /** In milliseconds. */
  timeout: z.int(),
  userVerification: z.literal('required'),
  /** Absent at a sign-in: the browser offers what it has for this site. */
  allowCredentials: z.array(Descriptor).optional(),
})

export const Passkey = z.object({
  passkeyId: z.string(),
  name: z.string(),
  /** Whether the authenticator has copied it to elsewhere, so that it outlives a lost device. */
  backedUp: z.boolean(),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().nullable(),
})
export type Passkey = z.infer<typeof Passkey>

/** No person needs as many; it bounds the lists. */
export const maxPasskeys = 20

const Assertion = z.strictObject({ response: AuthenticationResponse })

export const passkeyOperations = {
  list: operation({
    id: 'passkeys.list',
    method: 'GET',
    path: root,
    access: 'person',
    summary: "One's own passkeys",
    answer: z.object({ data: z.array(Passkey).max(maxPasskeys) }),
  }),
  beginRegistration: operation({
    id: 'passkeys.begin_registration',
    method: 'POST',
    path: `${root}/options`,
    access: 'person',
    summary: 'Options to make a passkey with',
    description: 'The challenge is good for five minutes, once, and within this session.',
    answer: RegistrationOptions,
    fresh: true,
  }),
  register: operation({
    id: 'passkeys.register',
    method: 'POST',
    path: root,
    access: 'person',
    summary: 'Register the passkey that was made',
    body: z.strictObject({ name: DisplayName, response: RegistrationResponse }),
    answer: Passkey,
    status: 201,
    fresh: true,
  }),
  rename: operation({
    id: 'passkeys.rename',
    method: 'PATCH',
    path: one,
    access: 'person',
    summary: 'Give a passkey another name',
    body: z.strictObject({ name: DisplayName }),
    answer: Passkey,
  }),
  remove: operation({
    id: 'passkeys.remove',
    method: 'DELETE',
    path: one,
    access: 'person',
    summary: 'Remove a passkey',
    description: 'Refused with 409 for the last way to sign in.',
    fresh: true,
  }),
  beginSignIn: operation({
    id: 'passkeys.begin_sign_in',
    method: 'POST',
    path: '/api/auth/passkey/options',
    access: 'public',
    summary: 'Options to sign in with a passkey',
    description: 'The challenge is good for five minutes, once, and within this browser: a cookie binds it.',
    answer: AuthenticationOptions,
  }),
  signIn: operation({
    id: 'passkeys.sign_in',
    method: 'POST',
    path: '/api/auth/passkey',
    access: 'public',
    summary: 'Sign in with a passkey',
    description: 'A passkey verifies its user, so the session counts as opened with a second factor.',
    body: Assertion,
    answer: SignedIn,
  }),
  beginReauthentication: operation({
    id: 'passkeys.begin_reauthentication',
    method: 'POST',
    path: '/api/auth/reauthenticate/passkey/options',
    access: 'person',
    summary: 'Options to show once more who one is',
    answer: AuthenticationOptions,
  }),
  reauthenticate: operation({
    id: 'passkeys.reauthenticate',
    method: 'POST',
    path: '/api/auth/reauthenticate/passkey',
    access: 'person',
    summary: 'Show once more who one is, with a passkey',
    description: 'The session counts as fresh for ten minutes, and from now on as opened with a second factor.',
    body: Assertion,
  }),
}
