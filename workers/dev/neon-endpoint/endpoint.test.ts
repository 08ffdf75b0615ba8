import { NeonDbError, neon, neonConfig, Pool } from '@neondatabase/serverless'
import { afterAll, beforeAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import { listenAnywhere, startThrowawayPostgres, type Throwaway } from '../testing/throwaway.ts'
import { createNeonEndpoint } from './endpoint.ts'

let postgres: Throwaway
let endpoint: ReturnType<typeof createNeonEndpoint>
let baseUrl: string
let sql: ReturnType<typeof neon>

beforeAll(async () => {
  postgres = await startThrowawayPostgres()
  endpoint = createNeonEndpoint(postgres.port)
  baseUrl = await listenAnywhere(endpoint)
  neonConfig.fetchEndpoint = `${baseUrl}/sql`
  neonConfig.wsProxy = () => `${new URL(baseUrl).host}/v2`
  neonConfig.useSecureWebSocket = false
  neonConfig.pipelineConnect = false
  neonConfig.webSocketConstructor = WebSocket
  sql = neon(postgres.url)
  await sql`create table notes (id bigint primary key, body text not null constraint body_not_empty check (body <> ''))`
}, 60_000)

afterAll(async () => {
  endpoint?.close()
  endpoint?.closeAllConnections()
  await postgres?.end()
})

test('a single statement brings typed rows, and bigint and numeric as text', async () => {
  const rows =
    await sql`select ${7}::int as small, 9007199254740993::bigint as big, 1.10::numeric as exact, null as nothing, ${['a', 'b']}::text[] as list`
  expect(rows).toEqual([{ small: 7, big: '9007199254740993', exact: '1.10', nothing: null, list: ['a', 'b'] }])
})

test('a batch lands as a whole or not at all', async () => {
  await sql.transaction([sql`insert into notes values (1, 'one')`, sql`insert into notes values (2, 'two')`])
  const failing = sql.transaction([sql`insert into notes values (3, 'three')`, sql`insert into notes values (1, 'again')`])
  await expect(failing).rejects.toMatchObject({ code: '23505' })
  expect(await sql`select id from notes where id in (1, 2, 3) order by id`).toEqual([{ id: '1' }, { id: '2' }])
})

test('a batch runs in the isolation level and mode it asks for', async () => {
  const show = [sql`show transaction_isolation`, sql`show transaction_read_only`]
  const results = await sql.transaction(show, { isolationLevel: 'Serializable', readOnly: true, arrayMode: true })
  expect(results).toEqual([[['serializable']], [['on']]])
})

test("an error carries Postgres' own fields", async () => {
  const failure = sql`insert into notes values (4, '')`
  await expect(failure).rejects.toBeInstanceOf(NeonDbError)
  await expect(failure).rejects.toMatchObject({
    code: '23514',
    severity: 'ERROR',
    constraint: 'body_not_empty',
    table: 'notes',
    schema: 'public',
  })
})

test('two commands in one statement are refused', async () => {
  await expect(sql.query('select 1; select 2')).rejects.toMatchObject({ code: '42601' })
})

test('a wrong password is what Postgres says, and no connection string at all is refused', async () => {
  const stranger = neon(postgres.url.replace('relay-local', 'guessed'))
  await expect(stranger`select 1`).rejects.toMatchObject({ code: '28P01' })
  const response = await fetch(`${baseUrl}/sql`, { method: 'POST', body: '{"query":"select 1","params":[]}' })
  expect(response.status).toBe(400)
})

test('a Pool runs an interactive transaction over WebSocket', async () => {
  const pool = new Pool({ connectionString: postgres.url })
  const client = await pool.connect()
  const { pid } = (await client.query('select pg_backend_pid() as pid')).rows[0]
  await client.query('begin')
  await client.query('insert into notes values ($1, $2)', [10, 'kept only until the rollback'])
  expect((await client.query('select body from notes where id = 10')).rowCount).toBe(1)
  expect(await sql`select body from notes where id = 10`).toEqual([])
  await client.query('rollback')
  expect((await client.query('select body from notes where id = 10')).rowCount).toBe(0)
  client.release()
  await pool.end()
  await expect.poll(() => sql`select 1 from pg_stat_activity where pid = ${pid}`).toEqual([]) // The session ended with its socket.
})

test('it serves again by itself after Postgres was killed', async () => {
  await postgres.process.kill('SIGKILL')
  await postgres.process.ready()
  await sql`select 1`.catch(() => undefined) // May meet a connection that died with the old server.
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
})
