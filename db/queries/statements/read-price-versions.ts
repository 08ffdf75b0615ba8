import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'
import { priceObject, VersionedPrice } from '../read-catalogue.ts'

/** Prices by their ids; one that is not in the table is not among them. */
export async function readPriceVersions(db: Db, ids: string[]): Promise<VersionedPrice[]> {
  const statement = sql`select ${priceObject} as price from price_versions p where p.id = any(${sql.param(ids)}::text[]) order by p.id`
  return (await readRows(db, statement, z.object({ price: VersionedPrice }))).map(({ price }) => price)
}
