import { eq } from 'drizzle-orm'
import { managementKeys, memberships, organizations, sessions } from '#db/schema/index.ts'
import type { Role } from '#shared/access/roles.ts'
import { generateApiKey, hashApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'
import { freshMs } from '../limits.ts'
import type { Asking, Stage, TestPerson } from './stage.ts'

/** Who may come to an organization: its members, its management keys, and all who have no business there. */
export const callers = [
  'owner',
  'admin',
  'billing_admin',
  'developer',
  'viewer',
  'key of admin',
  'key of billing_admin',
  'key of developer',
  'key of viewer',
  'stranger',
  'foreign key',
  'relay key',
  'nobody',
] as const
export type CallerName = (typeof callers)[number]

/** What has happened since the caller was last answered. */
export const states = [
  'normal',
  'suspended',
  'two factors required',
  'removed',
  'demoted',
  'session expired',
  'session revoked',
  'sign-in not fresh',
] as const
export type State = (typeof states)[number]

/** Somebody who comes to an organization. */
export interface Case {
  organizationId: string
  asking: Pick<Asking, 'cookie' | 'bearer'>
}

/** The role that a caller has, or whose key it is; null for whoever has none here. */
export function roleOf(caller: CallerName): Role | null {
  const [, role = null] = /^(?:key of )?(owner|admin|billing_admin|developer|viewer)$/.exec(caller) ?? []
  return role as Role | null // The expression lists the roles.
}

export function isKey(caller: CallerName): boolean {
  return caller.startsWith('key of') || caller === 'foreign key'
}

/** A caller of their own with an organization of their own, in this state. Who belongs to it has been answered before. */
export async function newCase(stage: Stage, caller: CallerName, state: State): Promise<Case> {
  const role = roleOf(caller)
  const other = await stage.organization([])
  if (caller === 'nobody') return { organizationId: other, asking: {} }
  if (caller === 'relay key') return { organizationId: other, asking: { bearer: generateApiKey() } }
  if (isKey(caller)) {
    const organizationId = role ? other : await stage.organization([])
    const key = await addManagementKey(stage, other, role ?? 'admin')
    await answered(stage, other, { bearer: key.secret })
    if (state === 'removed') await stage.db.update(managementKeys).set({ revokedAt: new Date() }).where(eq(managementKeys.id, key.id))
    await bring(stage, organizationId, state)
    return { organizationId, asking: { bearer: key.secret } }
  }
  const person = await stage.person()
  const own = await stage.organization([[person, role ?? 'owner']])
  await answered(stage, own, { cookie: person.cookie })
  await bringPerson(stage, person, state)
  const organizationId = role ? own : other
  await bring(stage, organizationId, state)
  return { organizationId, asking: { cookie: person.cookie } }
}

/** A management key of an organization; `secret` is what is sent. */
export async function addManagementKey(stage: Stage, organizationId: string, role: Role): Promise<{ id: string; secret: string }> {
  const [id, secret] = [newId('mgk'), generateApiKey('rrm_')]
  const made = { keyHash: await hashApiKey(secret), redacted: 'rrm_…', createdBy: 'usr_test' }
  await stage.db.insert(managementKeys).values({ id, organizationId, name: 'Test', role, ...made })
  return { id, secret }
}

/** What is remembered of an answer must not outlive what was true then. */
async function answered(stage: Stage, organizationId: string, asking: Case['asking']): Promise<void> {
  const { status } = await stage.call('GET', `/api/organizations/${organizationId}`, asking)
  if (status !== 200) throw new Error(`a member was answered ${status}`)
}

async function bring({ db }: Stage, organizationId: string, state: State): Promise<void> {
  const own = eq(organizations.id, organizationId)
  if (state === 'suspended') await db.update(organizations).set({ status: 'suspended' }).where(own)
  if (state === 'two factors required') await db.update(organizations).set({ requireTwoFactor: true }).where(own)
}

async function bringPerson({ db }: Stage, { userId, sessionId }: TestPerson, state: State): Promise<void> {
  const before = new Date(Date.now() - freshMs - 60_000)
  const own = eq(sessions.id, sessionId)
  if (state === 'removed') await db.delete(memberships).where(eq(memberships.userId, userId))
  if (state === 'demoted') await db.update(memberships).set({ role: 'viewer' }).where(eq(memberships.userId, userId))
  if (state === 'session expired') await db.update(sessions).set({ expiresAt: before }).where(own)
  if (state === 'session revoked') await db.update(sessions).set({ revokedAt: before }).where(own)
  if (state === 'sign-in not fresh') await db.update(sessions).set({ authenticatedAt: before }).where(own)
}
