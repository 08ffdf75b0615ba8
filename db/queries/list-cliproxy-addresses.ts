import { eq } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { upstreams } from '../schema/index.ts'

/** Base URLs of our own CLIProxyAPIs, those that are switched off too. */
export async function listCliproxyAddresses(db: Db): Promise<string[]> {
  const rows = await db.select({ baseUrl: upstreams.baseUrl }).from(upstreams).where(eq(upstreams.kind, 'cliproxyapi'))
  return rows.map(({ baseUrl }) => baseUrl)
}
