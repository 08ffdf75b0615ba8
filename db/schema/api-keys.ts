import { sql } from 'drizzle-orm'
import { check, index, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import type { Limits } from '#shared/contracts/account.ts'
import { organizations } from './organizations.ts'

/** Whether limits have a spend cap, in words that the index of the capped keys is found by. */
export function isCapped(limits: string): string {
  return `coalesce(${limits} -> 'spendPerDayNanos', ${limits} -> 'spendPerMonthNanos') is not null`
}

/** Keys of customers. The key itself is never stored, only its SHA-256. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    name: text('name').notNull(),
    // Unique, so that a hash names one key, and authentication is one index look-up.
    keyHash: text('key_hash').notNull().unique('api_keys_hash'),
    redacted: text('redacted').notNull(),
    limits: jsonb('limits').$type<Limits>().notNull().default({}),
    /** Null allows every model; an empty list allows none. */
    allowedModels: text('allowed_models').array(),
    /** Addresses and networks (CIDR) it may be used from; null allows every one. */
    allowedIps: text('allowed_ips').array(),
    /** Id of the user, management key or operator that made it; null for those made before this was noted. */
    createdBy: text('created_by'),
    /** The key it took the place of by rotation. */
    replaces: text('replaces'),
    expiresAt: timestamp('expires_at', { withTimezone: true, mode: 'date' }),
    revokedAt: timestamp('revoked_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    // Refuses a key stored by mistake in place of its hash.
    check('api_keys_hash_is_sha256', sql`${t.keyHash} ~ '^[0-9a-f]{64}$'`),
    // A snapshot reads all living keys of one customer.
    index('api_keys_organization').on(t.organizationId),
    index('api_keys_creator').on(t.createdBy),
    // The few whose spend a cron compares with their caps.
    index('api_keys_capped')
      .on(t.organizationId)
      .where(sql.raw(isCapped('"limits"'))),
  ],
)
