import { eq } from 'drizzle-orm'
import { inject } from 'vitest'
import { openNodeDb } from '#db/node-client.ts'
import { ledgerEntries, organizations, parkedEvents, priceVersions, requestLogs, usageDaily, usageRecords } from '#db/schema/index.ts'

const { db, pool } = openNodeDb(inject('stack').postgresUrl, 4)

export type UsageRecord = typeof usageRecords.$inferSelect
export type RequestLog = typeof requestLogs.$inferSelect
export type LedgerEntry = typeof ledgerEntries.$inferSelect
export type Prices = typeof priceVersions.$inferSelect
export type DailySum = typeof usageDaily.$inferSelect
export type Books = Awaited<ReturnType<typeof readBooks>>

/** All that Postgres keeps of one customer. */
export async function readBooks(organizationId: string) {
  const [organization, entries, records, logs, days] = await Promise.all([
    db.select().from(organizations).where(eq(organizations.id, organizationId)),
    db.select().from(ledgerEntries).where(eq(ledgerEntries.organizationId, organizationId)),
    db.select().from(usageRecords).where(eq(usageRecords.organizationId, organizationId)),
    db.select().from(requestLogs).where(eq(requestLogs.organizationId, organizationId)),
    db.select().from(usageDaily).where(eq(usageDaily.organizationId, organizationId)),
  ])
  const [account] = organization
  if (!account) throw new Error(`There is no customer ${organizationId}`)
  return { account, entries, records, logs, days }
}

/** Which event ids are posted, of any customer. */
export async function postedEventIds(): Promise<Set<string>> {
  const rows = await db.select({ eventId: ledgerEntries.eventId }).from(ledgerEntries)
  return new Set(rows.map((row) => row.eventId))
}

export function readPrices(): Promise<Prices[]> {
  return db.select().from(priceVersions)
}

export function readParked(): Promise<(typeof parkedEvents.$inferSelect)[]> {
  return db.select().from(parkedEvents)
}

/** Rows of any table in which a text stands, with the table's name; for what must stand nowhere. */
export async function rowsThatHold(text: string): Promise<{ table: string; rows: number }[]> {
  const tables = await pool.query<{ name: string }>(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
     where table_schema not in ('pg_catalog', 'information_schema')`,
  )
  const counts = tables.rows.map(async ({ name }) => {
    const found = await pool.query<{ rows: string }>(`select count(*) as rows from ${name} t where position($1 in t::text) > 0`, [text])
    return { table: name, rows: Number(found.rows[0]?.rows) }
  })
  return (await Promise.all(counts)).filter(({ rows }) => rows > 0)
}

/** Writes the sealed form of one provider credential's key over that of another, as whoever can write to Postgres could. */
export async function copySealedKey(fromCredentialId: string, toCredentialId: string): Promise<void> {
  const copied = await pool.query(
    `update secrets t set (version, kek, kek_id, wrapped_dek, sealed) = (f.version, f.kek, f.kek_id, f.wrapped_dek, f.sealed)
     from secrets f where f.owner_id = $1 and t.owner_id = $2`,
    [fromCredentialId, toCredentialId],
  )
  if (copied.rowCount !== 1) throw new Error(`There is no key of ${fromCredentialId} or of ${toCredentialId}`)
}
