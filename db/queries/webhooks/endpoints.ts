import { and, asc, eq } from 'drizzle-orm'
import { assert } from '#shared/values/assert.ts'
import type { Db } from '../../client.ts'
import { secrets, webhookEndpoints } from '../../schema/index.ts'

export type WebhookEndpointRow = typeof webhookEndpoints.$inferSelect

export interface EndpointReference {
  organizationId: string
  endpointId: string
}

/** The endpoints of an organization in the order in which they were made; how many there can be is for who adds them. */
export function listWebhookEndpoints(db: Db, organizationId: string): Promise<WebhookEndpointRow[]> {
  return db.select().from(webhookEndpoints).where(eq(webhookEndpoints.organizationId, organizationId)).orderBy(asc(webhookEndpoints.id))
}

/** Null when the organization has no such endpoint. */
export async function findWebhookEndpoint(db: Db, which: EndpointReference): Promise<WebhookEndpointRow | null> {
  const [row] = await db.select().from(webhookEndpoints).where(is(which))
  return row ?? null
}

/** As `findWebhookEndpoint`, and nobody else changes it until the transaction ends. */
export async function lockWebhookEndpoint(tx: Db, which: EndpointReference): Promise<WebhookEndpointRow | null> {
  const [row] = await tx.select().from(webhookEndpoints).where(is(which)).for('no key update')
  return row ?? null
}

export async function insertWebhookEndpoint(tx: Db, endpoint: typeof webhookEndpoints.$inferInsert): Promise<WebhookEndpointRow> {
  const [row] = await tx.insert(webhookEndpoints).values(endpoint).returning()
  assert(row, 'an insert without a condition answers its row')
  return row
}

/** Changes an endpoint that the caller has locked. */
export async function changeWebhookEndpoint(
  tx: Db,
  endpointId: string,
  change: Partial<typeof webhookEndpoints.$inferInsert>,
): Promise<WebhookEndpointRow> {
  const [row] = await tx.update(webhookEndpoints).set(change).where(eq(webhookEndpoints.id, endpointId)).returning()
  assert(row, 'a locked row is there')
  return row
}

/** Deletes an endpoint with its secrets and deliveries, and answers what it was; null when the organization has no such endpoint. */
export async function deleteWebhookEndpoint(tx: Db, which: EndpointReference): Promise<WebhookEndpointRow | null> {
  const [row] = await tx.delete(webhookEndpoints).where(is(which)).returning()
  if (row) await tx.delete(secrets).where(and(eq(secrets.ownerTable, 'webhook_endpoints'), eq(secrets.ownerId, row.id)))
  return row ?? null
}

function is({ organizationId, endpointId }: EndpointReference) {
  return and(eq(webhookEndpoints.organizationId, organizationId), eq(webhookEndpoints.id, endpointId))
}
