import type { Platform } from '../platform.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import type { TargetRules } from '../targets/check-target.ts'
import type { DnsResolver } from '../targets/resolve-target.ts'

/** What the verbs about provider credentials work on. */
export interface CredentialPlatform extends Platform {
  /** Throws when the key encryption keys are not configured, and so is asked only when a secret is needed. */
  keyRing: () => KeyRing
  targets: TargetAccess
}

/** By what rules, and by whose word on DNS, an address of a customer's is judged. */
export interface TargetAccess {
  rules: TargetRules
  resolver: DnsResolver
}
