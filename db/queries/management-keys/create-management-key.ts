import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { readRowsAtomically, SafeBigint, timestampOf } from '../../statements.ts'
import { lockOrganizations } from '../lock-organizations.ts'

/** An organization has at most this many management keys that are not revoked: one for each script, and the list stays one page. */
export const maxManagementKeys = 50

export interface NewManagementKeyRow {
  managementKeyId: string
  organizationId: string
  name: string
  role: Exclude<Role, 'owner'>
  /** SHA-256 of the key in hex; the key itself never comes here. */
  keyHash: string
  redacted: string
  createdBy: string
  expiresAtMs: number | null
}

/** Adds a management key; answers when it was made, and null when there is no room for it. */
export async function createManagementKey(db: Db, key: NewManagementKeyRow): Promise<number | null> {
  const creation = sql`
    insert into management_keys (id, organization_id, name, role, key_hash, redacted, created_by, expires_at)
    select ${key.managementKeyId}, o.id, ${key.name}, ${key.role}, ${key.keyHash}, ${key.redacted}, ${key.createdBy}, ${timestampOf(key.expiresAtMs)}
    from organizations o
    where o.id = ${key.organizationId} and o.deleted_at is null
      and (select count(*) from management_keys k where k.organization_id = o.id and k.revoked_at is null) < ${maxManagementKeys}
    returning floor(extract(epoch from created_at) * 1000)::bigint as "createdAtMs"`
  const [row] = await readRowsAtomically(db, [lockOrganizations([key.organizationId]), creation], z.object({ createdAtMs: SafeBigint }))
  return row?.createdAtMs ?? null
}
