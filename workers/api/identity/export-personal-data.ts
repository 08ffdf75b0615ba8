import type { Db } from '#db/client.ts'
import { readPersonalData } from '#db/queries/accounts/read-personal-data.ts'
import type { PersonalData } from '#shared/contracts/api/me.ts'
import { Problem } from '#workers/edge/problem.ts'

/** All that is held about a person, to be handed to them. */
export async function exportPersonalData(db: Db, userId: string): Promise<PersonalData> {
  const data = await readPersonalData(db, userId)
  if (!data) throw new Problem('unauthenticated', 'The account is deleted.')
  const { profile } = data
  return {
    exportedAt: new Date().toISOString(),
    profile: {
      userId,
      email: profile.email,
      name: profile.name,
      emailVerifiedAt: momentOf(profile.emailVerifiedAt),
      hasPassword: profile.hasPassword,
      twoFactorSince: momentOf(profile.totpEnabledAt),
      currentOrganizationId: profile.currentOrganizationId,
      createdAt: profile.createdAt.toISOString(),
    },
    organizations: data.organizations.map(({ createdAt, ...each }) => ({ ...each, memberSince: createdAt.toISOString() })),
    sessions: data.sessions.map(({ id, ...each }) => ({ ...withMoments(each), sessionId: id })),
    passkeys: data.passkeys.map(({ id, ...each }) => ({ ...withMoments(each), passkeyId: id })),
    identities: data.identities.map(withMoments),
    invitations: data.invitations.map(({ id, ...each }) => ({ ...withMoments(each), invitationId: id })),
    mailLinks: data.mailLinks.map(withMoments),
    apiKeys: data.apiKeys.map(({ id, ...each }) => ({ ...withMoments(each), keyId: id })),
    auditEntries: data.auditEntries.map(withMoments),
  }
}

/** A row whose dates are text, as JSON has them. */
type WithMoments<Row> = {
  [Name in keyof Row]: Row[Name] extends Date ? string : Row[Name] extends Date | null ? string | null : Row[Name]
}

function withMoments<Row extends object>(row: Row): WithMoments<Row> {
  const moments = Object.entries(row).map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value])
  // Every name is kept, and every date became text.
  return Object.fromEntries(moments) as WithMoments<Row>
}

function momentOf(date: Date | null): string | null {
  return date?.toISOString() ?? null
}
