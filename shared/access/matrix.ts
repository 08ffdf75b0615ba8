import type { Role } from './roles.ts'

/** `yes`; `own`: only what the caller made; `redacted`: prefix, last four, totals; `no`: refused with 403. */
export type Grant = 'yes' | 'own' | 'redacted' | 'no'

/** Who there is: the roles of members, a platform administrator, and a relay API key. Nobody, without any of them, is refused with 401. */
export type Party = Role | 'platform_admin' | 'relay_key'

const letters = { Y: 'yes', o: 'own', r: 'redacted', '-': 'no' } as const
type Letter = keyof typeof letters

/** One row: owner, admin, billing admin, developer, viewer, platform administrator, relay API key. */
function row(...given: [Letter, Letter, Letter, Letter, Letter, Letter, Letter]): Record<Party, Grant> {
  const [owner, admin, billing, developer, viewer, platform, key] = given
  return {
    owner: letters[owner],
    admin: letters[admin],
    billing_admin: letters[billing],
    developer: letters[developer],
    viewer: letters[viewer],
    platform_admin: letters[platform],
    relay_key: letters[key],
  }
}

/**
 * Who may do what within an organization: the one source for guards, the portal and the test that walks every route. What no row grants to anybody has no
 * route. Another tenant's object does not exist (404), and neither does what `own` leaves out.
 */
export const matrix = {
  //                                owner admin bill. dev. view. PA   key
  'models.call': row('-', '-', '-', '-', '-', '-', 'Y'),
  'key_status.read': row('-', '-', '-', '-', '-', '-', 'o'),
  'organization.read': row('Y', 'Y', 'Y', 'Y', 'Y', 'Y', '-'),
  'organization.change': row('Y', 'Y', '-', '-', '-', '-', '-'),
  'organization.delete': row('Y', '-', '-', '-', '-', '-', '-'),
  'organization.transfer': row('Y', '-', '-', '-', '-', '-', '-'),
  'organization.leave': row('Y', 'Y', 'Y', 'Y', 'Y', '-', '-'),
  'two_factor.require': row('Y', '-', '-', '-', '-', '-', '-'),
  'members.list': row('Y', 'Y', 'r', 'r', 'r', 'r', '-'),
  'members.invite': row('Y', 'Y', '-', '-', '-', '-', '-'),
  'members.change_role': row('Y', 'Y', '-', '-', '-', '-', '-'),
  'members.remove': row('Y', 'Y', '-', '-', '-', '-', '-'),
  'members.revoke_sessions': row('Y', 'Y', '-', '-', '-', 'Y', '-'),
  'keys.list': row('Y', 'Y', '-', 'o', '-', 'r', '-'),
  'keys.create': row('Y', 'Y', '-', 'Y', '-', '-', '-'),
  'keys.change': row('Y', 'Y', '-', 'o', '-', '-', '-'),
  'keys.revoke': row('Y', 'Y', '-', 'o', '-', 'Y', '-'),
  'management_keys.list': row('Y', 'Y', '-', '-', '-', 'r', '-'),
  'management_keys.change': row('Y', 'Y', '-', '-', '-', '-', '-'),
  'usage.read': row('Y', 'Y', 'Y', 'o', 'r', 'Y', '-'),
  'requests.read': row('Y', 'Y', '-', 'o', 'r', 'r', '-'),
  'balance.read': row('Y', 'Y', 'Y', 'r', 'r', 'Y', '-'),
  'ledger.read': row('Y', 'Y', 'Y', '-', '-', 'Y', '-'),
  'spend.change': row('Y', 'Y', 'Y', '-', '-', '-', '-'),
  'billing.top_up': row('Y', 'Y', 'Y', '-', '-', '-', '-'),
  'billing.payment_method': row('Y', '-', 'Y', '-', '-', '-', '-'),
  'webhooks.manage': row('Y', 'Y', '-', 'Y', '-', '-', '-'),
  'webhooks.rotate_secret': row('Y', 'Y', '-', 'o', '-', '-', '-'),
  'byok.list': row('Y', 'Y', '-', 'r', '-', 'r', '-'),
  'byok.change': row('Y', 'Y', '-', '-', '-', '-', '-'),
  'audit.read': row('Y', 'Y', '-', '-', '-', 'Y', '-'),
} as const satisfies Record<string, Record<Party, Grant>>

export type Permission = keyof typeof matrix

/** What a party may do of a permission. */
export function grantOf(permission: Permission, party: Party): Grant {
  return matrix[permission][party]
}
