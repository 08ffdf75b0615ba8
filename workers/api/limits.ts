/** Largest body, in bytes: the longest lists of models a key may carry fit in it, and nothing else comes near. */
export const maxBodyBytes = 64 * 1024

/** How long an access cookie is good for, in seconds. */
export const accessSeconds = 600

/** How recently somebody must have shown who they are for an operation that asks for it, in milliseconds. */
export const freshMs = 10 * 60_000

/** How long a signing key signs, in milliseconds: thirty days. */
export const signingKeyMs = 30 * 86_400_000

/** How long a retired signing key still verifies, in milliseconds: a little longer than what it signed is good for. */
export const verifiedMs = { access: 15 * 60_000, mail: 8 * 86_400_000 } as const

/** How long an isolate goes by the signing keys it has read, in milliseconds. */
export const knownSigningKeysMs = 60_000
