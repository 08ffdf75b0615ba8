import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sql } from 'drizzle-orm'
import { afterEach, expect, test } from 'vitest'
import { openDb } from './client.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

test.each([
  ['never answers', false],
  ['begins an answer and never ends it', true],
])(
  'a Postgres that %s is waited for only so long',
  async (_, begins) => {
    server = createServer((_request, response) => {
      if (begins) response.writeHead(200, { 'content-type': 'application/json' }).write('{"rows":')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server?.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const db = openDb({ databaseUrl: 'postgresql://u:p@db.test/d', endpoint: `http://127.0.0.1:${port}`, timeoutMs: 200 })
    const startedAtMs = Date.now()
    await expect(db.execute(sql`select 1`)).rejects.toThrow()
    expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(150)
    expect(Date.now() - startedAtMs).toBeLessThan(5_000)
  },
  10_000,
)
