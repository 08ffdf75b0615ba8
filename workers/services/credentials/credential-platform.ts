import type { Platform } from '../platform.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import type { TargetAccess } from '../targets/settings.ts'

/** What the verbs about provider credentials work on. */
export interface CredentialPlatform extends Platform {
  /** Throws when the key encryption keys are not configured, and so is asked only when a secret is needed. */
  keyRing: () => KeyRing
  targets: TargetAccess
}
