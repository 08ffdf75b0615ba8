import type { Grant } from '#shared/access/matrix.ts'
import type { Role } from '#shared/access/roles.ts'

/** Somebody who is signed in, as Postgres knows them at this moment. */
export interface Person {
  type: 'person'
  userId: string
  sessionId: string
  email: string
  isEmailVerified: boolean
  /** When they last showed who they are. */
  authenticatedAtMs: number
  /** Whether this session was opened with a second factor. */
  hasSecondFactor: boolean
}

/** A script, in the name of an organization. */
export interface ManagementKey {
  type: 'management_key'
  keyId: string
  organizationId: string
  role: Role
}

export type Caller = Person | ManagementKey

/** What a caller may do within the organization that the path names. */
export interface Scope {
  organizationId: string
  role: Role
  /** Never `no`. With `own` only what `callerId` made exists. */
  grant: Exclude<Grant, 'no'>
  /** Id of the user or management key. */
  callerId: string
}

/** Whose doing a change is. */
export function callerIdOf(caller: Caller): string {
  return caller.type === 'person' ? caller.userId : caller.keyId
}
