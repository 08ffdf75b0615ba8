import { z } from 'zod'

/** What a member of an organization is, the highest first. */
export const roles = ['owner', 'admin', 'billing_admin', 'developer', 'viewer'] as const

export const Role = z.enum(roles)
export type Role = z.infer<typeof Role>

/** Owners stand over admins, admins over all others; no one stands over an equal. */
export function isAbove(role: Role, other: Role): boolean {
  const rank = (each: Role) => (each === 'owner' ? 2 : each === 'admin' ? 1 : 0)
  return rank(role) > rank(other)
}

/** Whether somebody of this role may give another member `wanted`, or take it: an owner any, an admin what is below an admin. */
export function mayGrant(role: Role, wanted: Role): boolean {
  return role === 'owner' || isAbove(role, wanted)
}
