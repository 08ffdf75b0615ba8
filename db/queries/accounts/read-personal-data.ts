import { and, desc, eq } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import {
  apiKeys,
  auditLog,
  identities,
  invitations,
  mailTokens,
  memberships,
  organizations,
  passkeys,
  sessions,
  users,
} from '../../schema/index.ts'

/** The most entries of each list: the newest. */
const most = 10_000

/** All that is held about a person, without secrets and their hashes; null when there is no such person, or no longer. */
export async function readPersonalData(db: Db, userId: string) {
  const [user] = await db.select().from(users).where(eq(users.id, userId))
  if (!user || user.email === null) return null
  const { passwordHash, email, ...profile } = user
  const [organizations, signIns, keysOfDevices, accounts, invited, links, keys, entries] = await Promise.all([
    readOrganizations(db, userId),
    db.select().from(sessions).where(eq(sessions.userId, userId)).orderBy(desc(sessions.id)).limit(most),
    readPasskeys(db, userId),
    db.select().from(identities).where(eq(identities.userId, userId)),
    db.select().from(invitations).where(eq(invitations.email, email)).orderBy(desc(invitations.id)).limit(most),
    db.select().from(mailTokens).where(eq(mailTokens.userId, userId)).orderBy(desc(mailTokens.id)).limit(most),
    readApiKeys(db, userId),
    readAuditEntries(db, userId),
  ])
  return {
    profile: { ...profile, email, hasPassword: passwordHash !== null },
    organizations,
    sessions: signIns,
    passkeys: keysOfDevices,
    identities: accounts,
    invitations: invited,
    mailLinks: links,
    apiKeys: keys,
    auditEntries: entries,
  }
}

function readOrganizations(db: Db, userId: string) {
  const columns = { organizationId: organizations.id, name: organizations.name, role: memberships.role, createdAt: memberships.createdAt }
  return db
    .select(columns)
    .from(memberships)
    .innerJoin(organizations, eq(organizations.id, memberships.organizationId))
    .where(eq(memberships.userId, userId))
    .orderBy(organizations.id)
    .limit(most)
}

function readPasskeys(db: Db, userId: string) {
  const { id, name, backedUp, createdAt, lastUsedAt } = passkeys
  return db.select({ id, name, backedUp, createdAt, lastUsedAt }).from(passkeys).where(eq(passkeys.userId, userId)).limit(most)
}

function readApiKeys(db: Db, userId: string) {
  const { id, organizationId, name, redacted, createdAt, revokedAt } = apiKeys
  const columns = { id, organizationId, name, redacted, createdAt, revokedAt }
  return db.select(columns).from(apiKeys).where(eq(apiKeys.createdBy, userId)).orderBy(desc(id)).limit(most)
}

function readAuditEntries(db: Db, userId: string) {
  const isTheirs = and(eq(auditLog.actorId, userId), eq(auditLog.actorType, 'user'))
  return db.select().from(auditLog).where(isTheirs).orderBy(desc(auditLog.at)).limit(most)
}
