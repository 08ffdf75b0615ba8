import { Secret, TOTP } from 'otpauth'
import type { SecretPlace } from '#shared/contracts/sealed-secret.ts'

const issuer = 'Rocket Relay'
const periodSeconds = 30

/** As authenticators take it for granted (RFC 6238 with SHA-1, six digits, thirty seconds); a clock may be one step off either way. */
const parameters = { issuer, algorithm: 'SHA1', digits: 6, period: periodSeconds } as const
const window = 1

/** 160 random bits in base32, as RFC 4226 recommends. */
export function newTotpSecret(): string {
  return new Secret({ size: 20 }).base32
}

/** `otpauth://totp/...`, which authenticators read from a QR code. */
export function totpUri(secret: string, email: string): string {
  return new TOTP({ ...parameters, label: email, secret: Secret.fromBase32(secret) }).toString()
}

/** The time step whose code it is; null for a wrong code. Whether the step was taken before is for who knows the last one. */
export function stepOfCode(secret: string, code: string, nowMs: number): number | null {
  const totp = new TOTP({ ...parameters, secret: Secret.fromBase32(secret) })
  const delta = totp.validate({ token: code, timestamp: nowMs, window })
  return delta === null ? null : Math.floor(nowMs / 1_000 / periodSeconds) + delta
}

/** Where a user's secret is; `totp_pending` until a code of it was confirmed. */
export function totpPlace(userId: string, purpose: 'totp' | 'totp_pending'): SecretPlace {
  return { organizationId: null, table: 'users', row: userId, purpose }
}
