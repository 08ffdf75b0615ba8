import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { readAccountSnapshot } from '#db/queries/read-account-snapshot.ts'
import { readRows } from '#db/statements.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import type { Actor } from '../platform.ts'
import { nodePlatform } from '../testing/node-platform.ts'
import { closeOrganization } from './close-organization.ts'
import { createOrganization } from './create.ts'
import { setStatus } from './set-status.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

const actor: Actor = { type: 'user', id: 'usr_closing', ip: null, requestId: null }

/** A customer with a key, a management key, an open invitation, a credential and a webhook endpoint of its own, and a member. */
async function furnished(name: string): Promise<string> {
  const { organizationId } = await createOrganization(nodePlatform(database.db), { name, creditNanos: 700 })
  const hash = sql`encode(sha256(${organizationId}::bytea), 'hex')`
  const sealed = 's'.repeat(39)
  for (const statement of [
    sql`insert into users (id, email, name) values (${`usr_${name}`}, ${`${name}@example.com`}, 'm')`,
    sql`insert into memberships (organization_id, user_id, role) values (${organizationId}, ${`usr_${name}`}, 'owner')`,
    sql`insert into management_keys (id, organization_id, name, role, key_hash, redacted, created_by)
      values (${`mgk_${name}`}, ${organizationId}, 'k', 'admin', ${hash}, 'r', 'u')`,
    sql`insert into invitations (id, organization_id, email, role, invited_by, expires_at)
      values (${`inv_${name}`}, ${organizationId}, 'i@example.com', 'viewer', 'u', now() + interval '1 day')`,
    sql`insert into provider_credentials (id, organization_id, provider, name, last_four) values (${`byk_${name}`}, ${organizationId}, 'p', 'n', 'last')`,
    sql`insert into secrets (owner_table, owner_id, purpose, organization_id, version, kek, kek_id, wrapped_dek, sealed)
      values ('provider_credentials', ${`byk_${name}`}, 'api_key', ${organizationId}, 1, 'local', 'k', ${'w'.repeat(80)}, ${sealed}),
        ('webhook_endpoints', ${`whe_${name}`}, 'signing', ${organizationId}, 2, 'local', 'k', ${'w'.repeat(80)}, ${sealed}),
        ('webhook_endpoints', ${`whe_${name}`}, 'signing_previous', ${organizationId}, 1, 'local', 'k', ${'w'.repeat(80)}, ${sealed})`,
    sql`insert into webhook_endpoints (id, organization_id, url, created_by) values (${`whe_${name}`}, ${organizationId}, 'https://a.example.com/', 'u')`,
    sql`insert into customer_events (organization_id, type, data) values (${organizationId}, 'byok.invalid', '{}')`,
    sql`insert into webhook_deliveries (id, organization_id, endpoint_id, event)
      select ${`dlv_${name}`}, organization_id, ${`whe_${name}`}, id from customer_events where organization_id = ${organizationId} and type = 'byok.invalid'`,
  ])
    await database.db.execute(statement)
  return organizationId
}

/** How much of an organization still lives. */
async function livingOf(organizationId: string): Promise<unknown> {
  const [row] = await readRows(
    database.db,
    sql`select
      (select count(*)::int from api_keys where organization_id = ${organizationId} and revoked_at is null) as keys,
      (select count(*)::int from management_keys where organization_id = ${organizationId} and revoked_at is null) as managing,
      (select count(*)::int from invitations where organization_id = ${organizationId} and revoked_at is null) as invitations,
      (select count(*)::int from provider_credentials where organization_id = ${organizationId}) as credentials,
      (select count(*)::int from secrets where organization_id = ${organizationId}) as secrets,
      (select count(*)::int from webhook_deliveries where organization_id = ${organizationId}) as deliveries,
      (select count(*)::int from webhook_endpoints where organization_id = ${organizationId}) as webhooks,
      (select count(*)::int from memberships where organization_id = ${organizationId}) as members`,
    z.record(z.string(), z.int()),
  )
  return row
}

test('nothing by which a closed organization could be used or entered is left, and the neighbour keeps all of it', async () => {
  const [closing, neighbour] = [await furnished('closing'), await furnished('neighbour')]
  const before = await readAccountSnapshot(database.db, closing)
  const close = () => database.db.transaction((tx) => closeOrganization(tx, actor, closing))
  expect((await Promise.all([close(), close()])).sort()).toEqual([false, true])
  const living = { keys: 1, managing: 1, invitations: 1, credentials: 1, secrets: 3, deliveries: 1, webhooks: 1, members: 1 }
  expect(await livingOf(closing)).toEqual(Object.fromEntries(Object.keys(living).map((name) => [name, 0])))
  expect(await livingOf(neighbour)).toEqual(living)
  const after = await readAccountSnapshot(database.db, closing)
  expect(after).toMatchObject({
    status: 'suspended',
    balanceNanos: 700,
    keys: [],
    version: (before?.version ?? 0) + 1,
    credentialsVersion: 1,
  })
  const { rows } = await database.pool.query(`select actor_id, before, after from audit_log where action = 'organization.deleted'`)
  const ended = { keysRevoked: 1, managementKeysRevoked: 1, invitationsRevoked: 1 }
  const gone = { ...ended, credentialsRemoved: 1, webhooksRemoved: 1, membersRemoved: 1 }
  expect(rows).toEqual([{ actor_id: actor.id, before: { name: 'closing', status: 'active', balanceNanos: 700 }, after: gone }])
  expect(await setStatus(nodePlatform(database.db), closing, 'active')).toBeNull()
})
